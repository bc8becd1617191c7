"""The multivariate normal distribution with few factors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import holds, invalid_parameter
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@torch_family
class LowRankMultivariateNormal(td.LowRankMultivariateNormal, TorchDistribution):
    r""":math:`f(x) = \frac{1}{\sqrt{|2\pi\Sigma|}}\, e^{-\frac12 (x-\mu)^\top \Sigma^{-1} (x-\mu)},
    \quad \Sigma = W W^\top + \mathrm{diag}(D)`

    A normal vector whose covariance has few factors, in time linear in :math:`n` by Woodbury's
    identity.  See Ong, Nott and Smith (2018), *Gaussian Variational Approximation with a Factor
    Covariance Structure*.

    :param loc: The mean :math:`\mu`, real, of shape ``batch_shape + (n,)``.
    :param cov_factor: :math:`W`, real, of shape ``batch_shape + (n, r)``.
    :param cov_diag: :math:`D`, positive, of shape ``batch_shape + (n,)``.

    Example::

        >>> d = dist.LowRankMultivariateNormal(torch.zeros(2), torch.ones(2, 1), torch.ones(2))
        >>> d.covariance_matrix, d.log_prob(torch.zeros(2))
        (tensor([[2., 1.],
                [1., 2.]]), tensor(-2.3872))
    """

    def __init__(
        self,
        loc: Numeric,
        cov_factor: Numeric,
        cov_diag: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        loc, cov_factor, cov_diag = as_tensors(loc, cov_factor, cov_diag)
        given = {"loc": loc, "cov_factor": cov_factor, "cov_diag": cov_diag}
        if self._validate_args if validate_args is None else validate_args:
            # before the factorisation, which fails without saying why
            for name, constraint in self.arg_constraints.items():
                if not holds(constraint, given[name]):
                    raise invalid_parameter(self, name, constraint, given[name])
        super().__init__(loc, cov_factor, cov_diag, validate_args=False)
        self._keep_validation(validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of ``loc``, ``cov_factor`` and ``cov_diag``."""
        loc, factor, diag = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        return broadcast_shape(loc[:-1], factor[:-2], diag[:-1]), loc[-1:]

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; a sum of squares, which does not cancel."""
        value = self._scored(value)
        scale = self._unbroadcasted_cov_diag.sqrt()
        factor = self._unbroadcasted_cov_factor / scale.unsqueeze(-1)
        tril = self._capacitance_tril
        z = (value - self.loc) / scale
        # the mean of the factors given the value, and what they leave unexplained: as the factors
        # minimise the squares, an error of theirs counts only to the second order
        projected = z.unsqueeze(-2) @ factor
        factors = projected @ torch.cholesky_inverse(tril)
        rest = z - (factors @ factor.mT).squeeze(-2)
        squares = rest.square().sum(-1) + factors.square().sum((-2, -1))
        log_det = tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) + scale.log().sum(-1)
        log_prob: Tensor = -0.5 * squares - log_det - _LOG_SQRT_2PI * self._event_shape[0]
        return log_prob
