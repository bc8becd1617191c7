"""The narrow waist between models, the compiler and samplers: a log density on flat vectors."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class LogDensity(Protocol):
    r"""An unnormalised log density on :math:`\mathbb R^{\mathrm{dim}}`.

    Leading dims of ``x`` are independent points. Minus infinity is a legal answer; nan means that
    the point is to be rejected. The caller owns what is returned.
    """

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        ...

    def value(self, x: Tensor) -> Tensor:
        """The log density at ``x``, of shape ``batch + (dim,)``; the result has shape ``batch``."""
        ...

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density, of shape ``batch``, and its gradient, of shape ``batch + (dim,)``."""
        ...
