"""The Wishart distribution of covariance matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import broadcast_shape

_LOG_2 = math.log(2)


@torch_family
class Wishart(td.Wishart, TorchDistribution):
    r""":math:`f(X) = \frac{|X|^{(\nu-p-1)/2}\, e^{-\mathrm{tr}(V^{-1} X)/2}} {2^{\nu p/2}\,
    |V|^{\nu/2}\, \Gamma_p(\nu/2)}`

    The scatter matrix of :math:`\nu` normal vectors of covariance :math:`V`, over positive definite
    matrices.  See Wishart (1928), *The Generalised Product Moment Distribution in Samples from a
    Normal Multivariate Population*, Biometrika 20A.

    :param df: :math:`\nu`, greater than :math:`p - 1`, of the batch shape.
    :param covariance_matrix: :math:`V`, positive definite, of shape ``batch_shape + (p, p)``.
    :param precision_matrix: :math:`V^{-1}`, positive definite, of the same shape, instead.
    :param scale_tril: The lower Cholesky factor of :math:`V`, of the same shape, instead.

    Example::

        >>> d = dist.Wishart(torch.tensor(3.0), torch.eye(2))
        >>> d.mean, d.log_prob(torch.eye(2))
        (tensor([[3., 0.],
                [0., 3.]]), tensor(-3.5310))
    """

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of ``df`` and of the matrix."""
        df = torch.Size(arg_shapes["df"])
        matrix = next(torch.Size(s) for name, s in arg_shapes.items() if name != "df")
        return broadcast_shape(df, matrix[:-2]), matrix[-2:]

    def log_prob(self, value: Any) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._as_value(value)
        if self._validate_args:
            self._validate_sample(value)
        p, df, tril = self._event_shape[0], self.df, self._unbroadcasted_scale_tril
        factor = torch.linalg.cholesky_ex(value)[0]
        log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        scale = tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        root = torch.linalg.solve_triangular(tril, factor, upper=False)  # V = L L', X = R R'
        trace = root.square().sum((-2, -1))
        norm = p * _LOG_2 * df / 2 + df * scale + torch.mvlgamma(df / 2, p)
        result: Tensor = (df - p - 1) / 2 * log_det - trace / 2 - norm
        return result

    def rsample(
        self, sample_shape: Sequence[int] = torch.Size(), max_try_correction: int | None = None
    ) -> Tensor:
        """Draw by Bartlett's decomposition; numerically singular draws are drawn again.

        :param max_try_correction: How often, at most (10).
        """
        shape = torch.Size(sample_shape)
        x: Tensor = self._bartlett_sampling(shape)  # type: ignore[no-untyped-call]
        for _ in range(10 if max_try_correction is None else max_try_correction):
            regular = tc.positive_definite.check(x)
            if regular.all():
                break
            x = torch.where(regular[..., None, None], x, self._bartlett_sampling(shape))  # type: ignore[no-untyped-call]
        return x
