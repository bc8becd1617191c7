"""A mass matrix that is dense for its first coordinates, and an arrow for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.adaptation.estimated_mass_matrix import EstimatedMassMatrix
from pyro.infer.mcmc.adaptation.mass_matrix import Names, Values


class Arrow(NamedTuple):
    r"""The symmetric matrix :math:`\begin{pmatrix} A & B \\ B^T & D \end{pmatrix}`, D diagonal.

    :param top: :math:`(A, B)`, of shape ``(head, size)``.
    :param diagonal: That of D.
    """

    top: Tensor
    diagonal: Tensor

    @property
    def head(self) -> int:
        """The size of A."""
        return len(self.top)

    @property
    def rows(self) -> int:
        """The head's are all that is not on the diagonal."""
        return self.head

    @property
    def size(self) -> int:
        """The number of coordinates."""
        return self.top.shape[1]

    def estimated(self, top: Tensor, diagonal: Tensor) -> Arrow:
        """One like this from the covariance of gradients."""
        return Arrow(top.to(self.top), diagonal[self.head :].to(self.top))

    def factor(self) -> tuple[Tensor, Tensor, Tensor]:
        r"""L, :math:`B D^{-1/2}` and :math:`D^{1/2}`, the blocks of U in :math:`U U^T`.

        L is the Cholesky factor of :math:`A - B D^{-1} B^T`.
        """
        root = self.diagonal.sqrt()
        side = self.top[:, self.head :] / root
        corner = self.top[:, : self.head] - side @ side.mT
        return torch.linalg.cholesky(corner), side, root

    def scale(self, x: Tensor) -> Tensor:
        """U x."""
        L, side, root = self.factor()
        a, b = x[: self.head], x[self.head :]
        return torch.cat([L @ a + side @ b, root * b])

    def unscale(self, x: Tensor) -> Tensor:
        """The solution y of U y = x."""
        L, side, root = self.factor()
        b = x[self.head :] / root
        a = torch.linalg.solve_triangular(L, (x[: self.head] - side @ b)[:, None], upper=False)
        return torch.cat([a[:, 0], b])

    def solve(self, x: Tensor) -> Tensor:
        """The solution y of M y = x."""
        L, side, root = self.factor()
        half = self.unscale(x)
        a = torch.linalg.solve_triangular(L.mT, half[: self.head, None], upper=True)[:, 0]
        return torch.cat([a, (half[self.head :] - side.mT @ a) / root])


class ArrowheadMassMatrix(EstimatedMassMatrix[Arrow]):
    """A mass matrix that is the covariance of gradients, where most coordinates are related only by
    the first ones.

    That fits hierarchical models whose global sites come first. Memory and time grow as head size
    times size. Given to NUTS or HMC (``kernel.mass_matrix_adapter = ArrowheadMassMatrix()``) it
    stands for ``low_rank=True``, which the native samplers estimate from draws and gradients.

    An option of :meth:`configure` is ``head_size``, by tuples of sites; 0, as by default, is
    diagonal.

    :param init_scale: The inverse mass at the start.

    Example::

        >>> from pyro.infer.mcmc import ArrowheadMassMatrix
        >>> matrix = ArrowheadMassMatrix()
        >>> matrix.configure({("top", "x"): (5, 5)}, options={"head_size": {("top", "x"): 1}})
        >>> matrix.mass_matrix["top", "x"].top.shape
        torch.Size([1, 5])
    """

    @property
    def mass_matrix(self) -> dict[Names, Arrow]:
        """The mass matrix of each block."""
        return dict(self._blocks)

    @property
    def inverse_mass_matrix(self) -> dict[Names, Tensor]:
        """The inverse of each block, dense."""
        return {
            names: torch.stack([arrow.solve(row) for row in torch.eye(arrow.size).to(arrow.top)])
            for names, arrow in self._blocks.items()
        }

    def _block(
        self,
        names: Names,
        shape: tuple[int, ...],
        options: Mapping[str, Any],
        place: dict[str, Any],
    ) -> Arrow:
        size, head = shape[0], options.get("head_size", {}).get(names, 0)
        return Arrow(
            torch.eye(head, size, **place) / self._init_scale,
            torch.ones(size - head, **place) / self._init_scale,
        )

    @staticmethod
    def _seen(z: Values, z_grad: Values) -> Values:
        return z_grad
