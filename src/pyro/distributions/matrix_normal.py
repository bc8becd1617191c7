"""The matrix normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape
from pyro.ops.triangular import log_diagonal

_SCALAR = torch.Size()


class MatrixNormal(TorchDistribution):
    r""":math:`f(X) = \frac{\exp(-\tfrac12 \lVert A^{-1} (X - M) B^{-\top} \rVert^2)}
    {(2\pi)^{np/2}\, |A|^p\, |B|^n}`

    Normal matrices whose covariance is a Kronecker product: :math:`X = M + A Z B^\top` with
    independent standard normal :math:`Z`, so that :math:`A A^\top` correlates the rows and
    :math:`B B^\top` the columns.

    Gupta and Nagar (1999), *Matrix Variate Distributions*, chapter 2.

    :param loc: :math:`M`, real, of shape ``batch_shape + (n, p)``.
    :param scale_tril_row: :math:`A`, lower triangular with positive diagonal, of shape
        ``batch_shape + (n, n)``.
    :param scale_tril_column: :math:`B`, lower triangular with positive diagonal, of shape
        ``batch_shape + (p, p)``.  The support are real matrices of shape ``(n, p)``.
    :raises ShapeError: if the shapes do not fit together.

    Example::

        >>> column = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
        >>> d = dist.MatrixNormal(torch.zeros(3, 2), torch.eye(3), column)
        >>> d.variance[0], d.log_prob(torch.ones(3, 2))
        (tensor([4., 2.]), tensor(-8.3431))
    """

    arg_constraints = {
        "loc": tc.independent(tc.real, 2),
        "scale_tril_row": tc.lower_cholesky,
        "scale_tril_column": tc.lower_cholesky,
    }
    support = tc.independent(tc.real, 2)
    has_rsample = True

    def __init__(
        self,
        loc: Numeric,
        scale_tril_row: Numeric,
        scale_tril_column: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        loc, row, column = as_tensors(loc, scale_tril_row, scale_tril_column)
        batch, event = self.infer_shapes(
            loc=loc.shape, scale_tril_row=row.shape, scale_tril_column=column.shape
        )
        self.loc = loc.expand(batch + event)
        self.scale_tril_row = row.expand(batch + row.shape[-2:])
        self.scale_tril_column = column.expand(batch + column.shape[-2:])
        super().__init__(batch, event, validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of the three parameters."""
        loc, row, column = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        event = loc[-2:]
        if len(event) < 2 or row[-2:] != event[:1] * 2 or column[-2:] != event[1:] * 2:
            raise ShapeError(
                "MatrixNormal takes loc of shape (..., n, p), scale_tril_row (..., n, n) and "
                f"scale_tril_column (..., p, p), got {tuple(loc)}, {tuple(row)}, {tuple(column)}"
            )
        return broadcast_shape(loc[:-2], row[:-2], column[:-2]), event

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Draw, with gradients for all parameters."""
        shape = self.shape(sample_shape)
        normal = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + self.scale_tril_row @ normal @ self.scale_tril_column.mT  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        centred = self._scored(value) - self.loc
        n, p = self._event_shape
        half = torch.linalg.solve_triangular(self.scale_tril_row, centred, upper=False)
        white = torch.linalg.solve_triangular(
            self.scale_tril_column.mT, half, upper=True, left=False
        )
        volume = p * log_diagonal(self.scale_tril_row) + n * log_diagonal(self.scale_tril_column)
        return -0.5 * (white.square().sum((-2, -1)) + n * p * math.log(2 * math.pi)) - volume  # type: ignore[no-any-return]

    def entropy(self) -> Tensor:
        """Shape ``batch_shape``."""
        n, p = self._event_shape
        volume = p * log_diagonal(self.scale_tril_row) + n * log_diagonal(self.scale_tril_column)
        return volume + 0.5 * n * p * (1 + math.log(2 * math.pi))

    @property
    def mean(self) -> Tensor:
        """:math:`M`."""
        return self.loc  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        """:math:`M`."""
        return self.loc  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        r""":math:`(A A^\top)_{ii} (B B^\top)_{jj}`, of shape ``batch_shape + (n, p)``."""
        row = self.scale_tril_row.square().sum(-1, keepdim=True)
        return row * self.scale_tril_column.square().sum(-1).unsqueeze(-2)
