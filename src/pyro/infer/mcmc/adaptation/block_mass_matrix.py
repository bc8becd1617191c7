"""A mass matrix of dense and diagonal blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


class BlockMassMatrix:
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

    def __init__(self, init_scale: float = 1.0) -> None:
        self._init_scale = init_scale
        self._inverse: dict[Names, Tensor] = {}
        self._moments = BlockMoments()

    @property
    def mass_matrix_size(self) -> dict[Names, int]:
        """The number of coordinates of each block."""
        return {names: len(inverse) for names, inverse in self._inverse.items()}

    @property
    def inverse_mass_matrix(self) -> dict[Names, Tensor]:
        """A matrix for each dense block, a vector for each diagonal one."""
        return self._inverse

    @inverse_mass_matrix.setter
    def inverse_mass_matrix(self, value: dict[Names, Tensor]) -> None:
        self._inverse = dict(value)

    def configure(
        self,
        mass_matrix_shape: Shapes,
        adapt_mass_matrix: bool = True,
        options: Mapping[str, Any] = {},
    ) -> None:
        """Begin.

        :param mass_matrix_shape: By tuples of sites: ``(n,)`` or ``(n, n)``.
        :param adapt_mass_matrix: Whether positions are taken into account.
        :param options: ``dtype`` and ``device``.
        """
        place = {name: options[name] for name in ("dtype", "device") if name in options}
        self._moments = BlockMoments(adapt_mass_matrix)
        self._inverse = {
            names: self._init_scale
            * (torch.eye(shape[0], **place) if len(shape) == 2 else torch.ones(shape, **place))
            for names, shape in mass_matrix_shape.items()
        }
        self._begin()

    def _begin(self) -> None:
        self._moments.begin(
            {
                names: (len(inverse), len(inverse) if inverse.dim() == 2 else 0)
                for names, inverse in self._inverse.items()
            }
        )

    def update(self, z: Values, z_grad: Values) -> None:
        """Take a position into account."""
        self._moments.update(z)

    def end_adaptation(self) -> None:
        """Use the positions since the last call."""
        for names, (top, diagonal) in self._moments.regularised().items():
            old = self._inverse[names]
            self._inverse[names] = (top if old.dim() == 2 else diagonal).to(old)
        self._begin()

    def kinetic_grad(self, r: Values) -> dict[str, Tensor]:
        """The velocity: the inverse mass matrix times the momentum."""
        found: dict[str, Tensor] = {}
        for names, inverse in self._inverse.items():
            flat = gather(names, r)
            found |= spread(names, inverse @ flat if inverse.dim() == 2 else inverse * flat, r)
        return found

    def scale(self, r_unscaled: Mapping[Names, Tensor], r_prototype: Values) -> dict[str, Tensor]:
        """A momentum from standard normal numbers.

        :param r_unscaled: By block.
        :param r_prototype: By site; shows the shapes.
        """
        found: dict[str, Tensor] = {}
        for names, inverse in self._inverse.items():
            r = r_unscaled[names]
            if inverse.dim() == 2:  # the inverse is L L', so the mass matrix is L^-T L^-1
                L = torch.linalg.cholesky(inverse)
                scaled = torch.linalg.solve_triangular(L.mT, r[:, None], upper=True)[:, 0]
            else:
                scaled = r / inverse.sqrt()
            found |= spread(names, scaled, r_prototype)
        return found

    def unscale(self, r: Values) -> dict[Names, Tensor]:
        """The standard normal numbers of a momentum, by block."""
        return {
            names: torch.linalg.cholesky(inverse).mT @ gather(names, r)
            if inverse.dim() == 2
            else inverse.sqrt() * gather(names, r)
            for names, inverse in self._inverse.items()
        }
