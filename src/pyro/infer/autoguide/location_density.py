"""The log density at a guide's location, for a search by gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor


@final
class LocationDensity:
    """A :class:`~pyro.infer.model.logdensity.LogDensity` over values of a guide's location.

    :param loc: The parameter, which holds the latest point.
    :param loss: Minus the log density where the parameter is.
    """

    def __init__(self, loc: Tensor, loss: Callable[[], Any]) -> None:
        self._loc, self._loss = loc, loss

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return self._loc.numel()

    def value(self, x: Tensor) -> Tensor:
        """The log density at one point."""
        return self.value_and_grad(x)[0]

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density at one point, and its gradient."""
        with torch.no_grad():
            self._loc.copy_(x)
        with torch.enable_grad():
            loss: Tensor = self._loss()
            (gradient,) = torch.autograd.grad(loss, self._loc)
        return -loss.detach(), -gradient
