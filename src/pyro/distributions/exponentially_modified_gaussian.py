"""The exponentially modified Gaussian (ex-Gaussian) distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.tails import register_tails
from pyro.distributions.univariate import UnivariateDistribution, standard_exponential
from pyro.ops.log_ndtr import log_ndtr, log_normal_exponential
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log_diff_exp

_SCALAR = torch.Size()


class ExponentiallyModifiedGaussian(UnivariateDistribution):
    r""":math:`f(x) = \lambda\, e^{s^2/2 - sz}\, \Phi(z - s),\quad z = (x-\mu)/\sigma,\ s =
    \lambda\sigma`

    The ex-Gaussian law of reaction times and of peaks in chromatography: a normal variable plus
    an independent exponential one.

    See Grushka (1972), *Characterization of Exponentially Modified Gaussian Peaks in
    Chromatography*; Kalambet et al. (2011), *Reconstruction of Chromatographic Peaks Using the
    Exponentially Modified Gaussian Function* (the stable form).

    :param loc: The normal's mean :math:`\mu`, real; broadcasts with the others to the batch shape.
    :param scale: The normal's standard deviation :math:`\sigma`, positive.
    :param rate: The exponential's rate :math:`\lambda`, positive.

    Example::

        >>> d = dist.ExponentiallyModifiedGaussian(0.4, 0.05, rate=5.0)
        >>> d.mean, d.log_prob(torch.tensor([0.3, 0.5, 40.0]))
        (tensor(0.6000), tensor([  -2.2636,    1.0998, -196.3593]))
    """

    arg_constraints = {"loc": tc.real, "scale": tc.positive, "rate": tc.positive}
    support = tc.real
    has_rsample = True
    loc: Tensor
    scale: Tensor
    rate: Tensor

    def __init__(
        self,
        loc: Numeric,
        scale: Numeric,
        rate: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        self._set(validate_args, loc=loc, scale=scale, rate=rate)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = (self._scored(value) - self.loc) / self.scale
        return log_normal_exponential(z, self.rate * self.scale) + self.rate.log()

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        loc, shape = self.loc, self.shape(sample_shape)
        noise = torch.randn(shape, dtype=loc.dtype, device=loc.device)
        return loc + self.scale * noise + standard_exponential(loc, shape) / self.rate

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`\Phi(z) - f(x)/\lambda`."""
        return _tails(self, self._scored(value))[0].exp()

    @property
    def mean(self) -> Tensor:
        r""":math:`\mu + 1/\lambda`."""
        return self.loc + 1 / self.rate

    @property
    def variance(self) -> Tensor:
        r""":math:`\sigma^2 + 1/\lambda^2`."""
        return self.scale.square() + self.rate.square().reciprocal()


@register_tails(ExponentiallyModifiedGaussian)
def _tails(d: ExponentiallyModifiedGaussian, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    tilted = log_normal_exponential(z, d.rate * d.scale)
    return log_diff_exp(log_ndtr(z), tilted), torch.logaddexp(log_ndtr(-z), tilted)
