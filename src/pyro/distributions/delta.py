"""A point mass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape, sum_rightmost, tensor_like


class Delta(TorchDistribution):
    r""":math:`\log f(x) = \begin{cases} \ell & x = v \\ -\infty & \text{otherwise} \end{cases}`

    A point mass.  Draws are differentiable with respect to ``v``; MAP guides and deterministic
    sites are made of it.  See Dirac (1930), *The Principles of Quantum Mechanics*, section 15.

    :param v: The point :math:`v`, of shape ``batch_shape + event_shape``.
    :param log_density: The log density :math:`\ell` at the point, real, broadcast to
        ``batch_shape``.
    :param event_dim: How many rightmost dimensions of ``v`` make up one event.
    :raises ShapeError: if ``v`` has fewer dimensions than ``event_dim``.

    Example::

        >>> dist.Delta(torch.zeros(3, 2), event_dim=1).log_prob(torch.zeros(3, 2))
        tensor([0., 0., 0.])
    """

    arg_constraints = {"v": tc.dependent, "log_density": tc.real}
    has_rsample = True

    def __init__(
        self,
        v: Numeric,
        log_density: Numeric = 0.0,
        event_dim: int = 0,
        validate_args: bool | None = None,
    ) -> None:
        v = tensor_like(v)
        if event_dim > v.dim():
            raise ShapeError(
                f"Expected event_dim <= v.dim(), got event_dim={event_dim}, v {tuple(v.shape)}"
            )
        cut = v.dim() - event_dim
        batch_shape = v.shape[:cut]
        if isinstance(log_density, Tensor):
            batch_shape = broadcast_shape(batch_shape, log_density.shape)
            log_density = log_density.expand(batch_shape)
        shape = batch_shape + v.shape[cut:]
        self.v = v if v.shape == shape else v.expand(shape)
        self.log_density = log_density
        super().__init__(batch_shape, v.shape[cut:], validate_args)

    @tc.dependent_property
    def support(self) -> Any:
        """The reals, of the event's dimension."""
        return tc.independent(tc.real, self.event_dim) if self._event_shape else tc.real

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast the point and its density."""
        if batch_shape == self._batch_shape:
            return self
        shape = torch.Size(batch_shape)
        density = self.log_density
        if isinstance(density, Tensor):
            density = density.expand(shape)
        v = self.v.expand(shape + self._event_shape)
        new = type(self)(v, density, self.event_dim, validate_args=False)
        new._validate_args = self._validate_args
        if "has_rsample" in self.__dict__:
            new.has_rsample = self.has_rsample
        return new

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """The point itself, expanded."""
        return self.v.expand(self.shape(sample_shape)) if sample_shape else self.v  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """The point itself, expanded and detached."""
        return self.rsample(sample_shape).detach()

    def log_prob(self, value: Numeric) -> Tensor:
        """``log_density`` where ``value`` equals the point in all of the event, else ``-inf``."""
        value = tensor_like(value, self.v)
        if self._validate_args:
            self._validate_sample(value)
        dtype = self.v.dtype if self.v.is_floating_point() else torch.get_default_dtype()
        density = self.log_density
        if value is self.v:  # its own draw
            log_prob = torch.zeros(self._batch_shape, dtype=dtype, device=value.device)
            if isinstance(density, Tensor) and density.dtype is dtype:
                return density
        else:
            log_prob = sum_rightmost((value == self.v).to(dtype).log(), self.event_dim)
        if isinstance(density, float) and density == 0.0:
            return log_prob
        return log_prob + density  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        """The point."""
        return self.v  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        """The point."""
        return self.v  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.v)

    def entropy(self) -> Tensor:
        """Minus the log density at the point."""
        return -torch.as_tensor(self.log_density).expand(self._batch_shape)

    def conjugate_update(self, other: Any) -> tuple[Delta, Tensor]:
        """Any factor times a point mass is the point mass, weighted by the factor's density."""
        if self.event_dim != other.event_dim:
            raise ShapeError(f"event_dim of {self!r} and {other!r} differ")
        return self, other.log_prob(self.v)

    def __repr__(self) -> str:
        return f"Delta(v: {tuple(self.v.shape)}, event_dim: {self.event_dim})"
