"""A log density whose points have a meaning: values of named sites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from pyro.infer.model.flat import Flat
from pyro.infer.model.logdensity import LogDensity


class Posterior(LogDensity, Protocol):
    """What inference knows of a posterior beside its density.

    ``flat`` has the names and shapes of the unconstrained values. Points have the shape
    ``batch + (dim,)``.
    """

    @property
    def flat(self) -> Flat:
        """The places of the sites in a point."""
        ...

    @property
    def reference(self) -> Tensor:
        """A tensor with the dtype and device of points."""
        ...

    def log_density(self, x: Tensor) -> Tensor:
        """The log density at one point, a scalar that gradients flow through."""
        ...

    @property
    def known_value(self) -> Callable[[], tuple[Tensor, Tensor]] | None:
        """Gives a point and the log density there, which an earlier run tells, or is None."""
        ...

    def constrain(self, x: Tensor) -> dict[str, Tensor]:
        """The values of the latent sites, by name, of shape ``batch + shape of the site``."""
        ...

    def deterministic(self, x: Tensor) -> dict[str, Tensor]:
        """The values of the deterministic sites, by name, of shape ``batch + shape``."""
        ...
