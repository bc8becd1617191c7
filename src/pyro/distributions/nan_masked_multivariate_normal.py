"""The multivariate normal distribution of data some of which are missing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.distributions.torch import MultivariateNormal
from pyro.distributions.torch_family import torch_family
from pyro.ops.missing import marginal_log_density
from pyro.ops.shapes import Numeric


@torch_family
class NanMaskedMultivariateNormal(MultivariateNormal):
    r""":math:`f(x) \propto \exp(-\tfrac12 (x_o-\mu_o)^\top \Sigma_{oo}^{-1} (x_o-\mu_o))`, where
    :math:`o` are the entries of :math:`x` that are not nan.

    Missing observations are marked by nan: they are integrated out, exactly, and carry no
    gradient.  A vector of nan has the log density zero.

    Little and Rubin (2019), *Statistical Analysis with Missing Data*, section 6.2 (ignorable
    missingness).

    :param loc: :math:`\mu`, real, of shape ``batch_shape + (n,)``.
    :param covariance_matrix: :math:`\Sigma`, positive definite, of shape ``batch_shape + (n, n)``.
    :param precision_matrix: :math:`\Sigma^{-1}`, positive definite, instead.
    :param scale_tril: The Cholesky factor of :math:`\Sigma`, lower triangular with positive
        diagonal, instead.

    Example::

        >>> nan = float("nan")
        >>> d = dist.NanMaskedMultivariateNormal(torch.zeros(2), torch.tensor([[4.0, 1], [1, 2]]))
        >>> d.log_prob(torch.tensor([[0.0, 0.0], [0.0, nan], [nan, nan]]))
        tensor([-2.8108, -1.6121,  0.0000])
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._as_value(value)
        missing = value.isnan()
        if not missing.any():
            return super().log_prob(value)
        filled = self._scored(torch.where(missing, 0.0, value))
        centred = torch.where(missing, 0.0, filled - self.loc)
        tril = self._unbroadcasted_scale_tril
        return marginal_log_density(centred, tril @ tril.mT, missing.expand(centred.shape))

    def conjugate_update(self, other: Any) -> Any:
        """Not meaningful: this is a distribution of observed data.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("NanMaskedMultivariateNormal.conjugate_update")
