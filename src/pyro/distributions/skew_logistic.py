"""The skew logistic distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.tails import register_tails
from pyro.distributions.univariate import UnivariateDistribution, standard_uniform
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log1mexp

_SCALAR = torch.Size()


class SkewLogistic(UnivariateDistribution):
    r""":math:`f(x) = \frac{\alpha\, e^{-z}}{s (1 + e^{-z})^{\alpha + 1}},\quad z = (x-\mu)/s`

    The generalised logistic law of type I: skewed right where :math:`\alpha > 1` and left where
    :math:`\alpha < 1`; the logistic law at 1.

    See Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate Distributions* 2,
    section 23.10.

    :param loc: :math:`\mu`, real; broadcasts with the others to the batch shape.
    :param scale: :math:`s`, positive.
    :param asymmetry: :math:`\alpha`, positive.

    Example::

        >>> d = dist.SkewLogistic(0.0, 1.0, asymmetry=2.0)
        >>> d.log_prob(0.0), d.mean
        (tensor(-1.3863), tensor(1.0000))
    """

    arg_constraints = {"loc": tc.real, "scale": tc.positive, "asymmetry": tc.positive}
    support = tc.real
    has_rsample = True
    loc: Tensor
    scale: Tensor
    asymmetry: Tensor

    def __init__(
        self,
        loc: Numeric,
        scale: Numeric,
        asymmetry: Numeric = 1.0,
        *,
        validate_args: bool | None = None,
    ) -> None:
        self._set(validate_args, loc=loc, scale=scale, asymmetry=asymmetry)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = (self._scored(value) - self.loc) / self.scale
        tail = -F.softplus(-z)  # log(1 / (1 + e^-z)); less z it is that of the other side
        return self.asymmetry.log() - self.scale.log() - F.softplus(z) + self.asymmetry * tail

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        return self.icdf(standard_uniform(self.loc, self.shape(sample_shape)))

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`(1 + e^{-z})^{-\alpha}`."""
        z = (self._scored(value) - self.loc) / self.scale
        return (-self.asymmetry * F.softplus(-z)).exp()

    def icdf(self, value: Numeric) -> Tensor:
        r""":math:`\mu - s \log(u^{-1/\alpha} - 1)`."""
        return _quantile(self, self._as_value(value).log())

    @property
    def mean(self) -> Tensor:
        r""":math:`\mu + s (\psi(\alpha) - \psi(1))`."""
        one = torch.ones_like(self.asymmetry)
        return self.loc + self.scale * (self.asymmetry.digamma() - one.digamma())

    @property
    def mode(self) -> Tensor:
        r""":math:`\mu + s \log\alpha`."""
        return self.loc + self.scale * self.asymmetry.log()

    @property
    def variance(self) -> Tensor:
        r""":math:`s^2 (\psi'(\alpha) + \psi'(1))`."""
        one = torch.ones_like(self.asymmetry)
        trigamma = torch.polygamma(1, self.asymmetry) + torch.polygamma(1, one)
        return self.scale.square() * trigamma


def _quantile(d: SkewLogistic, log_u: Tensor) -> Tensor:
    root = log_u / d.asymmetry
    return d.loc + d.scale * (root - log1mexp(root))


@register_tails(SkewLogistic, lambda d, log_u, log_1mu: _quantile(d, log_u))
def _tails(d: SkewLogistic, x: Tensor) -> tuple[Tensor, Tensor]:
    lower = -d.asymmetry * F.softplus(-(x - d.loc) / d.scale)
    return lower, log1mexp(lower)
