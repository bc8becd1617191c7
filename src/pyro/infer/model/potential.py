"""A potential energy that the user wrote, as a posterior density."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pyro.errors import ShapeError
from pyro.infer.model import eager
from pyro.infer.model.flat import Flat

Potential = Callable[[dict[str, Tensor]], Tensor]


class PotentialDensity:
    r"""Minus a potential energy of named unconstrained tensors, as a log density of one vector.

    :param potential_fn: From tensors by name to the potential energy, a scalar.
    :param example: Tensors by name that show the shapes.
    :param transforms: Bijections from supports to the unconstrained tensors, by name; they are
        applied to draws only, for the potential has their log determinants already.

    Example::

        >>> from pyro.infer.model.potential import PotentialDensity
        >>> density = PotentialDensity(lambda p: (p["x"] ** 2).sum() / 2, {"x": torch.zeros(2)})
        >>> density.value_and_grad(torch.tensor([1.0, 3.0]))
        (tensor(-5.), tensor([-1., -3.]))
    """

    moving: frozenset[str] = frozenset()
    known_value: None = None

    def __init__(
        self,
        potential_fn: Potential,
        example: Mapping[str, Tensor],
        transforms: Mapping[str, Any] | None = None,
    ) -> None:
        self.potential_fn = potential_fn
        self.flat = Flat.of({name: value.shape for name, value in example.items()})
        self.transforms = dict(transforms or {})
        self.reference = next(iter(example.values()), torch.zeros(())).detach()

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return self.flat.dim

    def log_density(self, x: Tensor) -> Tensor:
        """The log density at one point; gradients flow through it."""
        energy = self.potential_fn(self.flat.unflatten(x))
        if not isinstance(energy, Tensor) or energy.numel() != 1:
            raise ShapeError(
                f"potential_fn must return a scalar tensor, but it returned {energy!r}"
            )
        return -energy.reshape(())

    def value(self, x: Tensor) -> Tensor:
        """The log density at points of shape ``batch + (dim,)``."""
        return eager.value(self.log_density, x)

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density and its gradient at points of shape ``batch + (dim,)``."""
        return eager.value_and_grad(self.log_density, x)

    def constrain(self, x: Tensor) -> dict[str, Tensor]:
        """The tensors by name, through the transforms where there are some."""
        with torch.no_grad():
            return {
                name: self.transforms[name].inv(u) if name in self.transforms else u
                for name, u in self.flat.unflatten(x).items()
            }

    def deterministic(self, x: Tensor) -> dict[str, Tensor]:
        """None."""
        return {}
