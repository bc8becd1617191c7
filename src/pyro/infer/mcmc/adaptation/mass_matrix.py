"""Mass matrices that are estimated from what a chain sees, for kernels of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

Names = tuple[str, ...]
Shapes = Mapping[Names, tuple[int, ...]]
Values = Mapping[str, Tensor]


class MassMatrix(Protocol):
    """What a kernel asks of a mass matrix :math:`M`; a block belongs to a tuple of sites."""

    @property
    def inverse_mass_matrix(self) -> dict[Names, Any]:
        """:math:`M^{-1}` by block."""
        ...

    def configure(
        self,
        mass_matrix_shape: Shapes,
        adapt_mass_matrix: bool = True,
        options: Mapping[str, Any] = ...,
    ) -> None:
        """Begin, with multiples of the identity."""
        ...

    def update(self, z: Values, z_grad: Values) -> None:
        """Take a position and the gradient of the potential energy into account."""
        ...

    def end_adaptation(self) -> None:
        """Use what was seen since the last call."""
        ...

    def kinetic_grad(self, r: Values) -> dict[str, Tensor]:
        """:math:`M^{-1} r`."""
        ...

    def scale(self, r_unscaled: Mapping[Names, Tensor], r_prototype: Values) -> dict[str, Tensor]:
        """:math:`M^{1/2} r`, a momentum from standard normal numbers."""
        ...

    def unscale(self, r: Values) -> dict[Names, Tensor]:
        """The standard normal numbers of a momentum."""
        ...


def gather(names: Names, values: Values) -> Tensor:
    """The values of some sites as one vector."""
    return torch.cat([values[name].reshape(-1) for name in names])


def spread(names: Names, vector: Tensor, like: Values) -> dict[str, Tensor]:
    """The parts of a vector, in the shapes of the sites."""
    parts = vector.split([like[name].numel() for name in names])
    return {name: part.reshape(like[name].shape) for name, part in zip(names, parts, strict=True)}


class Moments:
    """A running covariance, in double precision: all of it, or its first rows and its diagonal.

    :param rows: How many rows.
    """

    def __init__(self, size: int, rows: int) -> None:
        self.count = 0
        self._mean = torch.zeros(size, dtype=torch.double)
        self._top = torch.zeros(rows, size, dtype=torch.double)
        self._diagonal = torch.zeros(size, dtype=torch.double)

    def update(self, x: Tensor) -> None:
        """Welford's step."""
        x = x.detach().double()
        self.count += 1
        before = x - self._mean
        self._mean = self._mean + before / self.count
        after = x - self._mean
        rows = len(self._top)
        self._top += before[:rows, None] * after
        self._diagonal += before * after

    def regularised(self) -> tuple[Tensor, Tensor]:
        """The first rows and the diagonal, shrunk towards 0.001 as Stan does."""
        weight = self.count / (self.count + 5)
        scale = weight / max(self.count - 1, 1)
        floor = 1e-3 * (1 - weight)
        top = scale * self._top
        top.diagonal().add_(floor)
        return top, scale * self._diagonal + floor


class BlockMoments:
    """A running covariance of each block of sites.

    :param on: Whether anything is taken into account.
    """

    def __init__(self, on: bool = True) -> None:
        self._on = on
        self._blocks: dict[Names, Moments] = {}

    def begin(self, shapes: Mapping[Names, tuple[int, int]]) -> None:
        """Forget what was seen.

        :param shapes: The size of each block, and how many rows of its covariance are kept.
        """
        self._blocks = {names: Moments(size, rows) for names, (size, rows) in shapes.items()}

    def update(self, values: Values) -> None:
        """Take values by site into account."""
        if self._on:
            for names, moments in self._blocks.items():
                moments.update(gather(names, values))

    def regularised(self) -> dict[Names, tuple[Tensor, Tensor]]:
        """First rows and diagonal of the blocks of which something was seen."""
        return {names: m.regularised() for names, m in self._blocks.items() if m.count}
