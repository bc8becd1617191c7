"""A mass matrix of dense and diagonal blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.adaptation.estimated_mass_matrix import EstimatedMassMatrix
from pyro.infer.mcmc.adaptation.mass_matrix import Names, Values


class _Dense(NamedTuple):
    """By an inverse :math:`L L^T`, so that M is :math:`L^{-T} L^{-1}`."""

    inverse: Tensor

    @property
    def size(self) -> int:
        return len(self.inverse)

    @property
    def rows(self) -> int:
        return self.size

    def estimated(self, top: Tensor, diagonal: Tensor) -> _Dense:
        return _Dense(top.to(self.inverse))

    def solve(self, x: Tensor) -> Tensor:
        return self.inverse @ x

    def scale(self, x: Tensor) -> Tensor:
        L: Tensor = torch.linalg.cholesky(self.inverse)
        column: Tensor = torch.linalg.solve_triangular(L.mT, x[:, None], upper=True)
        return column[:, 0]

    def unscale(self, x: Tensor) -> Tensor:
        L: Tensor = torch.linalg.cholesky(self.inverse)
        return L.mT @ x


class _Diagonal(NamedTuple):
    """By the diagonal of an inverse."""

    inverse: Tensor

    @property
    def rows(self) -> int:
        return 0

    @property
    def size(self) -> int:
        return len(self.inverse)

    def estimated(self, top: Tensor, diagonal: Tensor) -> _Diagonal:
        return _Diagonal(diagonal.to(self.inverse))

    def solve(self, x: Tensor) -> Tensor:
        return self.inverse * x

    def scale(self, x: Tensor) -> Tensor:
        return x / self.inverse.sqrt()

    def unscale(self, x: Tensor) -> Tensor:
        return self.inverse.sqrt() * x


class BlockMassMatrix(EstimatedMassMatrix[_Dense | _Diagonal]):
    """An inverse mass matrix that is the covariance of positions, by blocks of sites.

    A block with a shape of two dims is dense, with one dim diagonal. The estimate is that of Stan:
    :math:`(n C + 0.005 I) / (n + 5)` for the covariance C of n positions.

    :param init_scale: The inverse mass at the start.

    Example::

        >>> from pyro.infer.mcmc import BlockMassMatrix
        >>> matrix = BlockMassMatrix()
        >>> matrix.configure({("x",): (2, 2)})
        >>> for x in torch.tensor([[1.0, 3.0], [-1.0, 3.0], [1.0, -3.0], [-1.0, -3.0]]):
        ...     matrix.update({"x": x}, {"x": x})
        >>> matrix.end_adaptation()
        >>> matrix.inverse_mass_matrix["x",].diagonal()  # (4 variance + 0.005) / 9
        tensor([0.5931, 5.3339])
    """

    @property
    def inverse_mass_matrix(self) -> dict[Names, Tensor]:
        """A matrix for each dense block, a vector for each diagonal one."""
        return {names: block.inverse for names, block in self._blocks.items()}

    @inverse_mass_matrix.setter
    def inverse_mass_matrix(self, value: Mapping[Names, Tensor]) -> None:
        self._blocks = {names: _block_of(inverse) for names, inverse in value.items()}

    def _block(
        self,
        names: Names,
        shape: tuple[int, ...],
        options: Mapping[str, Any],
        place: dict[str, Any],
    ) -> _Dense | _Diagonal:
        ones = torch.ones(shape[0], **place)
        return _block_of(self._init_scale * (torch.diag(ones) if len(shape) == 2 else ones))

    @staticmethod
    def _seen(z: Values, z_grad: Values) -> Values:
        return z


def _block_of(inverse: Tensor) -> _Dense | _Diagonal:
    return _Dense(inverse) if inverse.dim() == 2 else _Diagonal(inverse)
