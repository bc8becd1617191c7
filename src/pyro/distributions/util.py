"""Small helpers that programs import from ``pyro.distributions.util``."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro import settings
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import broadcast_shape, sum_leftmost, sum_rightmost
from pyro.ops.special import log_beta, log_binomial, logsumexp, safe_log

settings.register(
    "validate_distributions_pyro",
    "pyro.distributions.validation",
    "ValidatedDistribution._validate_args",
)
settings.register(
    "validate_distributions_torch",
    "torch.distributions.distribution",
    "Distribution._validate_args",
)


def is_validation_enabled() -> bool:
    """Whether distributions check their parameters and values.

    Example::

        >>> is_validation_enabled()
        True
    """
    return ValidatedDistribution._validate_args


def enable_validation(is_validate: bool = True) -> None:
    """Switch the checks of our and of torch's distributions on or off.

    Example::

        >>> enable_validation(False)
        >>> dist.Normal(0.0, -1.0).scale
        tensor(-1.)
        >>> enable_validation(True)
    """
    ValidatedDistribution._validate_args = is_validate
    td.Distribution.set_default_validate_args(is_validate)


class validation_enabled:  # noqa: N801 - named like the function it scopes
    """Context manager: checks on (or off) inside the ``with`` block.

    Example::

        >>> with validation_enabled(False):
        ...     is_validation_enabled()
        False
    """

    def __init__(self, is_validate: bool = True) -> None:
        self._is_validate = is_validate

    def __enter__(self) -> None:
        self._saved = ValidatedDistribution._validate_args, td.Distribution._validate_args
        enable_validation(self._is_validate)

    def __exit__(self, *exc_info: object) -> None:
        ValidatedDistribution._validate_args, torch_flag = self._saved
        td.Distribution.set_default_validate_args(torch_flag)


def is_identically_zero(x: Any) -> bool:
    """True for the number zero; False for other numbers and for every tensor."""
    return isinstance(x, (int, float)) and x == 0


def is_identically_one(x: Any) -> bool:
    """True for the number one; False for other numbers and for every tensor."""
    return isinstance(x, (int, float)) and x == 1


def scalar_like(prototype: Tensor, fill_value: float) -> Tensor:
    """A scalar tensor with dtype and device of ``prototype``."""
    return torch.tensor(fill_value, dtype=prototype.dtype, device=prototype.device)


def eye_like(value: Tensor, m: int, n: int | None = None) -> Tensor:
    """The (m, n) identity with dtype and device of ``value``; square when ``n`` is None."""
    return torch.eye(m, m if n is None else n, dtype=value.dtype, device=value.device)


def gather(value: Tensor, index: Tensor, dim: int) -> Tensor:
    """``value.gather(dim, index)`` that broadcasts ``value`` against ``index``."""
    value, index = _broadcast_except(value, index, dim)
    return value.gather(dim, index)


def _broadcast_except(value: Tensor, index: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Expand both to a common shape except along the negative or positive ``dim``."""
    rank = max(value.dim(), index.dim())
    value = value.reshape((1,) * (rank - value.dim()) + value.shape)
    index = index.reshape((1,) * (rank - index.dim()) + index.shape)
    at = dim % rank
    sizes = [max(v, i) for v, i in zip(value.shape, index.shape, strict=True)]
    pair = []
    for x in (value, index):
        shape = list(sizes)
        shape[at] = x.shape[at]
        pair.append(x.expand(shape))
    return pair[0], pair[1]


def detach(distribution: Any) -> Any:
    """The distribution with all its tensors cut from the autograd graph."""
    return _map_tensors(distribution, Tensor.detach)


def deep_to(distribution: Any, *args: Any, **kwargs: Any) -> Any:
    """The distribution with ``tensor.to(*args, **kwargs)`` applied to all its tensors."""
    return _map_tensors(distribution, lambda tensor: tensor.to(*args, **kwargs))


def _map_tensors(obj: Any, fn: Any) -> Any:
    """Rebuild a distribution, and what it is made of, with ``fn`` applied to each tensor."""
    if isinstance(obj, Tensor):
        return fn(obj)
    if isinstance(obj, td.Distribution):
        new = type(obj).__new__(type(obj))
        new.__dict__.update({key: _map_tensors(value, fn) for key, value in obj.__dict__.items()})
        return new
    return obj


__all__ = [
    "broadcast_shape",
    "deep_to",
    "detach",
    "enable_validation",
    "eye_like",
    "gather",
    "is_identically_one",
    "is_identically_zero",
    "is_validation_enabled",
    "log_beta",
    "log_binomial",
    "logsumexp",
    "safe_log",
    "scalar_like",
    "scale_and_mask",
    "sum_leftmost",
    "sum_rightmost",
    "validation_enabled",
]
