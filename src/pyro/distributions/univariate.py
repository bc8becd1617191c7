"""Base of univariate families of our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors

_SCALAR = torch.Size()


class UnivariateDistribution(TorchDistribution):
    """A family over numbers whose parameters, all named in ``arg_constraints``, have batch shape.

    A subclass calls ``_set`` in its constructor and gets ``expand``.

    Example::

        >>> d = dist.Logistic(torch.zeros(3, 1), 2.0).expand((3, 4))
        >>> type(d).__name__, d.scale.shape
        ('Logistic', torch.Size([3, 4]))
    """

    def _set(self, validate_args: bool | None, **parameters: Numeric) -> None:
        """Broadcast the parameters, keep them as attributes, and check them."""
        tensors = broadcast_tensors(*parameters.values())
        self.__dict__.update(zip(parameters, tensors, strict=True))
        ValidatedDistribution.__init__(self, tensors[0].shape, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast the parameters; nothing is copied and nothing checked again."""
        return expand_parameters(self, batch_shape)


def standard_uniform(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Uniform numbers, never 0 and never 1, in the dtype and on the device of ``like``."""
    info = torch.finfo(like.dtype)
    u = torch.rand(shape, dtype=like.dtype, device=like.device)
    return u.clamp_(min=info.tiny, max=1 - info.eps / 2)


def standard_exponential(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Exponential numbers of mean one, in the dtype and on the device of ``like``."""
    return torch.empty(tuple(shape), dtype=like.dtype, device=like.device).exponential_()
