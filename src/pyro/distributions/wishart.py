"""The Wishart distribution of covariance matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import broadcast_shape


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
