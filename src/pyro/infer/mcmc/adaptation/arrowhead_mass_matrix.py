"""A mass matrix that is dense for its first coordinates, and an arrow for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.adaptation.mass_matrix import (
    BlockMoments,
    Names,
    Shapes,
    Values,
    gather,
    spread,
)


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


class ArrowheadMassMatrix:
    """A mass matrix that is the covariance of gradients, where most coordinates are related only by
    the first ones.

    That fits hierarchical models whose global sites come first. Memory and time grow as head size
    times size. Given to NUTS or HMC (``kernel.mass_matrix_adapter = ArrowheadMassMatrix()``) it
    stands for ``low_rank=True``, which the native samplers estimate from draws and gradients.

    :param init_scale: The inverse mass at the start.

    Example::

        >>> from pyro.infer.mcmc import ArrowheadMassMatrix
        >>> matrix = ArrowheadMassMatrix()
        >>> matrix.configure({("top", "x"): (5, 5)}, options={"head_size": {("top", "x"): 1}})
        >>> matrix.mass_matrix["top", "x"].top.shape
        torch.Size([1, 5])
    """

    def __init__(self, init_scale: float = 1.0) -> None:
        self._init_scale = init_scale
        self._matrix: dict[Names, Arrow] = {}
        self._moments = BlockMoments()

    @property
    def mass_matrix_size(self) -> dict[Names, int]:
        """The number of coordinates of each block."""
        return {names: arrow.top.shape[1] for names, arrow in self._matrix.items()}

    @property
    def mass_matrix(self) -> dict[Names, Arrow]:
        """The mass matrix of each block."""
        return self._matrix

    @property
    def inverse_mass_matrix(self) -> dict[Names, Tensor]:
        """The inverse of each block, dense."""
        return {
            names: torch.stack([arrow.solve(row) for row in torch.eye(size).to(arrow.top)])
            for (names, arrow), size in zip(
                self._matrix.items(), self.mass_matrix_size.values(), strict=True
            )
        }

    def configure(
        self,
        mass_matrix_shape: Shapes,
        adapt_mass_matrix: bool = True,
        options: Mapping[str, Any] = {},
    ) -> None:
        """Begin.

        :param mass_matrix_shape: By tuples of sites, ``(n, n)``.
        :param adapt_mass_matrix: Whether gradients are taken into account.
        :param options: ``head_size``, by tuples of sites (0 is diagonal), ``dtype`` and ``device``.
        """
        place = {name: options[name] for name in ("dtype", "device") if name in options}
        heads = options.get("head_size", {})
        self._moments = BlockMoments(adapt_mass_matrix)
        self._matrix = {}
        for names, shape in mass_matrix_shape.items():
            size, head = shape[0], heads.get(names, 0)
            self._matrix[names] = Arrow(
                torch.eye(head, size, **place) / self._init_scale,
                torch.ones(size - head, **place) / self._init_scale,
            )
        self._begin()

    def _begin(self) -> None:
        self._moments.begin(
            {names: (arrow.top.shape[1], arrow.head) for names, arrow in self._matrix.items()}
        )

    def update(self, z: Values, z_grad: Values) -> None:
        """Take a gradient into account."""
        self._moments.update(z_grad)

    def end_adaptation(self) -> None:
        """Use the gradients since the last call."""
        for names, (top, diagonal) in self._moments.regularised().items():
            old = self._matrix[names]
            self._matrix[names] = Arrow(top.to(old.top), diagonal[old.head :].to(old.top))
        self._begin()

    def kinetic_grad(self, r: Values) -> dict[str, Tensor]:
        """The velocity: the inverse mass matrix times the momentum."""
        found: dict[str, Tensor] = {}
        for names, arrow in self._matrix.items():
            found |= spread(names, arrow.solve(gather(names, r)), r)
        return found

    def scale(self, r_unscaled: Mapping[Names, Tensor], r_prototype: Values) -> dict[str, Tensor]:
        """A momentum from standard normal numbers.

        :param r_unscaled: By block.
        :param r_prototype: By site; shows the shapes.
        """
        found: dict[str, Tensor] = {}
        for names, arrow in self._matrix.items():
            found |= spread(names, arrow.scale(r_unscaled[names]), r_prototype)
        return found

    def unscale(self, r: Values) -> dict[Names, Tensor]:
        """The standard normal numbers of a momentum, by block."""
        return {names: arrow.unscale(gather(names, r)) for names, arrow in self._matrix.items()}
