"""A mass matrix of blocks that are estimated from what a chain sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

from torch import Tensor

from pyro.infer.mcmc.adaptation.mass_matrix import (
    BlockMoments,
    Names,
    Shapes,
    Values,
    gather,
    spread,
)


class Block(Protocol):
    """The mass matrix :math:`M = U U^T` of some coordinates."""

    @property
    def size(self) -> int:
        """How many there are."""

    @property
    def rows(self) -> int:
        """How many rows of a covariance, beside its diagonal, are needed to estimate it."""

    def estimated(self, top: Tensor, diagonal: Tensor) -> Self:
        """One like this from such rows and a diagonal."""

    def solve(self, x: Tensor) -> Tensor:
        """:math:`M^{-1} x`."""

    def scale(self, x: Tensor) -> Tensor:
        """:math:`U x`."""

    def unscale(self, x: Tensor) -> Tensor:
        """:math:`U^{-1} x`."""


B = TypeVar("B", bound=Block)


class EstimatedMassMatrix(ABC, Generic[B]):
    """A mass matrix of blocks; a subclass says what these are, and which covariance they follow.

    :param init_scale: The inverse mass at the start.
    """

    def __init__(self, init_scale: float = 1.0) -> None:
        self._init_scale = init_scale
        self._blocks: dict[Names, B] = {}
        self._moments = BlockMoments()

    @abstractmethod
    def _block(
        self,
        names: Names,
        shape: tuple[int, ...],
        options: Mapping[str, Any],
        place: dict[str, Any],
    ) -> B:
        """A multiple of the identity; ``place`` has arguments of torch's constructors."""

    @staticmethod
    @abstractmethod
    def _seen(z: Values, z_grad: Values) -> Values:
        """What is taken into account."""

    @property
    def mass_matrix_size(self) -> dict[Names, int]:
        """The number of coordinates of each block."""
        return {names: block.size for names, block in self._blocks.items()}

    def configure(
        self,
        mass_matrix_shape: Shapes,
        adapt_mass_matrix: bool = True,
        options: Mapping[str, Any] = {},
    ) -> None:
        """Begin.

        :param mass_matrix_shape: By tuples of sites: ``(n, n)``, or ``(n,)`` where that is known.
        :param adapt_mass_matrix: Whether :meth:`update` has an effect.
        :param options: ``dtype`` and ``device``, and what a class adds.
        """
        place = {name: options[name] for name in ("dtype", "device") if name in options}
        self._moments = BlockMoments(adapt_mass_matrix)
        self._blocks = {
            names: self._block(names, shape, options, place)
            for names, shape in mass_matrix_shape.items()
        }
        self._begin()

    def _begin(self) -> None:
        self._moments.begin({k: (block.size, block.rows) for k, block in self._blocks.items()})

    def update(self, z: Values, z_grad: Values) -> None:
        """Take a position, and the gradient of the potential energy there, into account."""
        self._moments.update(self._seen(z, z_grad))

    def end_adaptation(self) -> None:
        """Use what was seen since the last call."""
        for names, (top, diagonal) in self._moments.regularised().items():
            self._blocks[names] = self._blocks[names].estimated(top, diagonal)
        self._begin()

    def kinetic_grad(self, r: Values) -> dict[str, Tensor]:
        """The velocity: the inverse mass matrix times the momentum."""
        found: dict[str, Tensor] = {}
        for names, block in self._blocks.items():
            found |= spread(names, block.solve(gather(names, r)), r)
        return found

    def scale(self, r_unscaled: Mapping[Names, Tensor], r_prototype: Values) -> dict[str, Tensor]:
        """A momentum from standard normal numbers.

        :param r_unscaled: By block.
        :param r_prototype: By site; shows the shapes.
        """
        found: dict[str, Tensor] = {}
        for names, block in self._blocks.items():
            found |= spread(names, block.scale(r_unscaled[names]), r_prototype)
        return found

    def unscale(self, r: Values) -> dict[Names, Tensor]:
        """The standard normal numbers of a momentum, by block."""
        return {names: block.unscale(gather(names, r)) for names, block in self._blocks.items()}
