"""The multivariate Student t distribution."""

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
from pyro.ops.gamma_ratio import log_scaled_gamma_ratio
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape
from pyro.ops.triangular import log_diagonal, matvec, solve_lower

_SCALAR = torch.Size()
_NORMAL = 1e30


class MultivariateStudentT(TorchDistribution):
    r""":math:`f(x) = \frac{\Gamma((\nu + n)/2)}{\Gamma(\nu/2)\,(\nu\pi)^{n/2}\,|\Sigma|^{1/2}}
    \left(1 + \tfrac1\nu (x-\mu)^\top \Sigma^{-1} (x-\mu)\right)^{-(\nu + n)/2}`

    Heavy-tailed vectors: a centred normal vector divided by the root of an independent
    :math:`\chi^2_\nu / \nu`, then shifted.

    Kotz and Nadarajah (2004), *Multivariate t Distributions and Their Applications*, section 1.1.

    :param df: :math:`\nu`, positive, of the batch shape; the law is normal at infinity.
    :param loc: :math:`\mu`, real, of shape ``batch_shape + (n,)``.
    :param scale_tril: The Cholesky factor of :math:`\Sigma`, lower triangular with positive
        diagonal, of shape ``batch_shape + (n, n)``.  The support are real vectors.
    :raises ShapeError: if ``loc`` and ``scale_tril`` do not fit together.

    Example::

        >>> tril = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
        >>> d = dist.MultivariateStudentT(4.0, torch.zeros(2), tril)
        >>> d.variance, d.log_prob(torch.tensor([[0.0, 0.0], [9.0, 9.0]]))
        (tensor([2.0000, 2.5000]), tensor([ -1.8379, -11.6480]))
    """

    arg_constraints = {"df": tc.positive, "loc": tc.real_vector, "scale_tril": tc.lower_cholesky}
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        df: Numeric,
        loc: Numeric,
        scale_tril: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        scale_tril, loc, df = as_tensors(scale_tril, loc, df)
        n = loc.shape[-1:]
        if not n or scale_tril.shape[-2:] != n + n:
            raise ShapeError(
                "MultivariateStudentT takes loc of shape (..., n) and scale_tril of shape "
                f"(..., n, n), got {tuple(loc.shape)} and {tuple(scale_tril.shape)}"
            )
        batch = broadcast_shape(df.shape, loc.shape[:-1], scale_tril.shape[:-2])
        self.df = df.expand(batch)
        self.loc = loc.expand(batch + n)
        self.scale_tril = scale_tril.expand(batch + n + n)
        self._tril = scale_tril  # a factor that is shared is inverted once
        super().__init__(batch, n, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        if batch_shape == self._batch_shape:
            return self
        new = expand_parameters(self, batch_shape, without=("_tril",))
        new._tril = self._tril
        return new

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Draw, with gradients for all parameters."""
        shape = self.shape(sample_shape)
        normal = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        half = (0.5 * self.df).clamp(max=_NORMAL).expand(shape[:-1])
        least = 1e4 * torch.finfo(half.dtype).tiny  # so that what underflows can be scored
        spread = (half / torch._standard_gamma(half).clamp(min=least)).sqrt()
        return self.loc + matvec(self._tril, normal) * spread.unsqueeze(-1)  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        n = self._event_shape[0]
        df = self.df.clamp(max=_NORMAL)
        square = solve_lower(self._tril, value - self.loc).square().sum(-1)
        front = log_scaled_gamma_ratio(0.5 * df, 0.5 * n) - 0.5 * n * math.log(2 * math.pi)
        return front - log_diagonal(self._tril) - 0.5 * (df + n) * (square / df).log1p()  # type: ignore[no-any-return]

    @property
    def covariance_matrix(self) -> Tensor:
        r""":math:`\Sigma` (as in Pyro): the covariance of draws is :math:`\Sigma\nu/(\nu-2)`."""
        return self.scale_tril @ self.scale_tril.mT  # type: ignore[no-any-return]

    @property
    def precision_matrix(self) -> Tensor:
        r""":math:`\Sigma^{-1}`."""
        return torch.cholesky_inverse(self.scale_tril)

    @property
    def mean(self) -> Tensor:
        r""":math:`\mu`, where :math:`\nu > 1`; else nan."""
        return torch.where(self.df.unsqueeze(-1) > 1, self.loc, math.nan)

    @property
    def variance(self) -> Tensor:
        r"""The diagonal of :math:`\Sigma\nu/(\nu-2)`; infinite up to 2 and nan up to 1."""
        df = self.df.unsqueeze(-1)
        safe = torch.where(df > 2, df, 3.0).clamp(max=_NORMAL)
        finite = self.scale_tril.square().sum(-1) * (safe / (safe - 2))
        heavy = torch.where(df > 1, math.inf, math.nan)
        return torch.where(df > 2, finite, heavy.to(finite.dtype))
