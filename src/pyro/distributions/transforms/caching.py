"""Transforms that remember their last pair, and the log-determinant found on the way."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.distributions import transforms as tt

Self = TypeVar("Self", bound="RoundTripTransform")


class RoundTripTransform(tt.Transform):
    """A transform that answers the way back from memory.

    With ``cache_size=1``, ``t.inv(t(x))`` is ``x`` and ``t(t.inv(y))`` is ``y``, the same object.
    The memory serves the way back only, and only while nothing that the result depends on has
    changed: an optimiser's step, or switching gradients on, makes it void. So the density of a
    fixed data tensor can be computed again and again.
    """

    _last: tuple[Tensor, Tensor, bool, Hashable] | None = None

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _call")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _inverse")

    def _stamp(self) -> Hashable:
        """What a result depends on besides its argument."""
        return torch.is_grad_enabled()

    def __call__(self, x: Tensor) -> Tensor:
        """:math:`y = T(x)`"""
        if self._cache_size == 0:
            return self._call(x)
        last = self._last
        if last is not None and last[0] is x and not last[2] and last[3] == self._stamp():
            return last[1]
        y = self._call(x)
        self._last = (x, y, True, self._stamp())
        return y

    def _inv_call(self, y: Tensor) -> Tensor:
        if self._cache_size == 0:
            return self._inverse(y)
        last = self._last
        if last is not None and last[1] is y and last[2] and last[3] == self._stamp():
            return last[0]
        x = self._inverse(y)
        self._last = (x, y, False, self._stamp())
        return x

    def clear_cache(self) -> None:
        """Forget the last pair, and with it the graph it holds."""
        self._last = None

    def with_cache(self: Self, cache_size: int = 1) -> Self:
        """The same transform, sharing its parameters, with another cache size."""
        if self._cache_size == cache_size:
            return self
        if cache_size not in (0, 1):
            raise ValueError(f"cache_size must be 0 or 1, got {cache_size}")
        other = copy.copy(self)
        other._cache_size = cache_size
        return other

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_inv"] = None
        for name in ("_last", "_noted", "_cached_x_y"):
            state.pop(name, None)
        return state


class FusedTransform(RoundTripTransform):
    """A bijection whose log-determinant is a by-product of its value.

    A subclass provides ``_forward(x)``, which returns :math:`y` and the log-determinant of shape
    ``batch_shape``, and ``_backward(y)``, which returns :math:`x` and that of the forward map,
    or None where it is not at hand.
    """

    bijective = True
    _noted: tuple[Tensor, Tensor, Tensor, Hashable] | None = None

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def _call(self, x: Tensor) -> Tensor:
        y, log_det = self._forward(x)
        self._note(x, y, log_det)
        return y

    def _inverse(self, y: Tensor) -> Tensor:
        x, log_det = self._backward(y)
        self._note(x, y, log_det)
        return x

    def _note(self, x: Tensor, y: Tensor, log_det: Tensor | None) -> None:
        if self._cache_size:
            self._noted = None if log_det is None else (x, y, log_det, self._stamp())

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Shape ``batch_shape``; known already if ``x`` and ``y`` are the last pair."""
        noted = self._noted
        if noted is not None and noted[0] is x and noted[1] is y and noted[3] == self._stamp():
            return noted[2]
        return self._forward(x)[1]

    def clear_cache(self) -> None:
        """Forget the last pair and its log-determinant, and with them the graph they hold."""
        self._last = self._noted = None


def clear_caches(transform: Any) -> None:
    """Make a transform, and those it is made of, forget the last pair and the graph it holds."""
    if isinstance(transform, RoundTripTransform):
        transform.clear_cache()
        return
    for part in getattr(transform, "parts", ()):
        clear_caches(part)
    if isinstance(transform, tt.IndependentTransform):
        clear_caches(transform.base_transform)
    if isinstance(transform, tt._InverseTransform):
        clear_caches(transform.inv)
    if getattr(transform, "_cached_x_y", None) is not None:
        transform._cached_x_y = None, None
