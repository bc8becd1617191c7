"""Distributions over real sequences, whose time is the first of two event dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.hidden_markov_model import HiddenMarkovModel
from pyro.errors import ShapeError
from pyro.ops.shapes import broadcast_shape


class SequenceDistribution(HiddenMarkovModel):
    """A law of real sequences of shape ``(time, obs_dim)``.

    If no parameter has a time dimension and no duration is given, the first event size is 1 and
    sequences of any length can be scored.  A subclass calls ``_set_shapes`` in its constructor.

    Example::

        >>> noise = dist.MultivariateNormal(torch.zeros(1), torch.eye(1))
        >>> d = dist.GaussianHMM(noise, torch.ones(1, 1), noise, torch.ones(1, 1), noise)
        >>> d.event_shape, d.log_prob(torch.zeros(3, 1))
        (torch.Size([1, 1]), tensor(-4.2791))
    """

    arg_constraints: dict[str, Any] = {}
    support = tc.independent(tc.real, 2)
    has_rsample = True

    hidden_dim: int
    obs_dim: int

    def _set_shapes(
        self, shape: torch.Size, validate_args: bool | None, duration: int | None = None
    ) -> None:
        """Take the shape ``(batch..., time)`` that all parameters broadcast to."""
        self._own_batch = shape[:-1]
        event_shape = (shape[-1], self.obs_dim)
        HiddenMarkovModel.__init__(self, duration, self._own_batch, event_shape, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; the parameters stay as they are."""
        if batch_shape == self._batch_shape:
            return self
        shape = torch.Size(batch_shape)
        if broadcast_shape(self._batch_shape, shape) != shape:
            raise ShapeError(f"cannot expand batch_shape {tuple(self._batch_shape)} to {shape}")
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._batch_shape = shape
        return new

    @property
    def _like(self) -> Tensor:
        raise NotImplementedError

    def _shown(self, x: Tensor, batch: torch.Size) -> Tensor:
        """Numbers of shape (batch,) in the shape and the dtype that a caller expects."""
        shape = broadcast_shape(self._batch_shape, batch)
        return x.reshape(batch).to(self._like.dtype).expand(shape)

    def _check_seen(self, seen: Tensor) -> None:
        """Under validation, what is not missing must be finite."""
        if self._validate_args and not torch._C._get_tracing_state():
            total = seen.detach().sum()
            if not torch.isfinite(total) and not torch.isfinite(seen).all():
                raise ValueError(
                    f"{type(self).__name__}: the value to be scored must be finite; missing "
                    "entries are marked by a mask of observation_dist"
                )


def working_dtype(device: torch.device) -> torch.dtype:
    """Recursions over many steps run in double precision wherever the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64
