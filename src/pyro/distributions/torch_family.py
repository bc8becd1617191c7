"""Makes a class of ``torch.distributions`` into one of ours."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from numbers import Number
from typing import Any, TypeVar

import torch
from torch import Tensor

from pyro.distributions.torch_distribution import ExpandedDistribution

C = TypeVar("C", bound=type[Any])


def torch_family(cls: C) -> C:
    """Class decorator that adds what inheritance alone cannot give a torch family.

    * parameters and values may be Python numbers, numpy scalars or arrays,
    * ``expand`` to the present shape costs nothing, keeps ``has_rsample_`` choices, and falls back
      on :class:`ExpandedDistribution` in subclasses with their own constructor.

    A method that the class defines itself is left alone.
    """
    own = cls.__dict__
    if "__init__" not in own:
        cls.__init__ = _converting_init(cls.__init__)
    for name in ("log_prob", "cdf", "icdf"):
        if name not in own and hasattr(cls, name):
            setattr(cls, name, _converting_method(getattr(cls, name)))
    if "expand" not in own:
        cls.expand = _expanding(cls.expand, cls.__init__)
    return cls


def _plain(value: Any) -> Any:
    """Arrays as tensors; everything torch understands is left alone."""
    if isinstance(value, (Tensor, Number, type(None))) or not hasattr(value, "__array__"):
        return value
    return torch.as_tensor(value)


def _converting_init(init: Any) -> Any:
    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        init(
            self,
            *[a if isinstance(a, Tensor) else _plain(a) for a in args],
            **{k: v if isinstance(v, Tensor) else _plain(v) for k, v in kwargs.items()},
        )

    return __init__


def _converting_method(method: Any) -> Any:
    @functools.wraps(method)
    def wrapped(self: Any, value: Any) -> Tensor:
        result: Tensor = method(self, value if isinstance(value, Tensor) else self._as_value(value))
        return result

    return wrapped


def _expanding(expand: Any, init: Any) -> Any:
    @functools.wraps(expand)
    def wrapped(self: Any, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        if _instance is not None:
            return expand(self, batch_shape, _instance)
        if batch_shape == self._batch_shape:
            return self
        kind = type(self)
        if kind.__init__ is not init:
            return ExpandedDistribution(self, batch_shape)
        new = expand(self, torch.Size(batch_shape), kind.__new__(kind))  # type: ignore[call-overload]
        if new.has_rsample is not self.has_rsample:
            new.has_rsample_(self.has_rsample)
        return new

    return wrapped
