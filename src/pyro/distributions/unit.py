"""The law of nothing, with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like


class Unit(TorchDistribution):
    r""":math:`\log f(x) = \ell, \qquad x \in \mathbb R^0`

    The nonnormalised law over empty vectors, of which ``pyro.factor`` is made: it adds a term to
    the log density of a model.  See Lunn, Jackson, Best, Thomas and Spiegelhalter (2012), *The BUGS
    Book*, section 9.5.

    :param log_factor: The log density :math:`\ell`, real, of the batch shape.  Values have the
        shape ``batch_shape + (0,)``.
    :param has_rsample: Whether ``log_factor`` depends differentiably on the draws before it; needed
        in guides, where it decides between pathwise and score-function gradients.

    Example::

        >>> d = dist.Unit(torch.tensor([0.5, -1.0]))
        >>> d.sample().shape, d.log_prob(d.sample())
        (torch.Size([2, 0]), tensor([ 0.5000, -1.0000]))
    """

    arg_constraints = {"log_factor": tc.real}
    support = tc.real_vector

    def __init__(
        self,
        log_factor: Numeric,
        *,
        has_rsample: bool | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.log_factor = tensor_like(log_factor)
        if has_rsample is not None:
            self.has_rsample = has_rsample
        super().__init__(self.log_factor.shape, torch.Size((0,)), validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch shape that of ``log_factor``, event shape ``(0,)``."""
        return torch.Size(arg_shapes["log_factor"]), torch.Size((0,))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast the log factor."""
        if batch_shape == self._batch_shape:
            return self
        factor = self.log_factor.expand(torch.Size(batch_shape))
        new = type(self)(factor, has_rsample=self.__dict__.get("has_rsample"), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Empty vectors."""
        return self.log_factor.new_empty(self.shape(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Empty vectors."""
        return self.sample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log factor, broadcast against the batch shape of ``value``.

        :raises ValueError: if ``value`` does not consist of empty vectors.
        """
        if value.dim() == 0 or value.shape[-1] != 0:
            raise ValueError(f"values of Unit have shape (..., 0), got {tuple(value.shape)}")
        return self.log_factor.expand(broadcast_shape(value.shape[:-1], self._batch_shape))
