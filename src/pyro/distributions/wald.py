"""The Wald (inverse Gaussian) distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.tails import log_tails, register_tails
from pyro.distributions.univariate import UnivariateDistribution
from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log_diff_exp, log_erfcx

_SCALAR = torch.Size()
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class Wald(UnivariateDistribution):
    r""":math:`f(x) = \sqrt{\frac{\lambda}{2\pi x^3}}
    \exp\left(-\frac{\lambda (x-\mu)^2}{2\mu^2 x}\right)`

    The inverse Gaussian law: the time at which a Brownian motion with drift first reaches a level.

    See Michael, Schucany and Haas (1976), *Generating Random Variates Using Transformations with
    Multiple Roots* (draws); Giner and Smyth (2016), *statmod: Probability Calculations for the
    Inverse Gaussian Distribution* (tails).  Gradients of draws are implicit: Figurnov, Mohamed and
    Mnih (2018), *Implicit Reparameterization Gradients*.

    :param loc: The mean :math:`\mu`, positive; broadcasts with the other to the batch shape.
    :param concentration: The shape :math:`\lambda`, positive.

    Example::

        >>> d = dist.Wald(loc=2.0, concentration=3.0)
        >>> d.mean, d.variance, d.log_prob(torch.tensor([0.01, 1.0]))
        (tensor(2.), tensor(2.6667), tensor([-141.9656,   -0.7446]))
    """

    arg_constraints = {"loc": tc.positive, "concentration": tc.positive}
    support = tc.positive
    has_rsample = True
    loc: Tensor
    concentration: Tensor

    def __init__(
        self, loc: Numeric, concentration: Numeric, validate_args: bool | None = None
    ) -> None:
        self._set(validate_args, loc=loc, concentration=concentration)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        log_x = value.log()
        z = (value / self.loc - 1).square() / value
        concentration = self.concentration
        log_prob: Tensor = (concentration.log() - 3 * log_x - concentration * z) / 2
        return log_prob - _LOG_SQRT_2PI

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        loc, shape = self.loc, self.shape(sample_shape)
        w = loc * torch.randn(shape, dtype=loc.dtype, device=loc.device).square()
        w = w / (2 * self.concentration)
        ratio = 1 / (1 + w + (w * (w + 2)).sqrt())  # the smaller root over the mean
        u = torch.rand(shape, dtype=loc.dtype, device=loc.device)
        x = torch.where(u * (1 + ratio) <= 1, loc * ratio, loc / ratio)
        return x.clamp(min=torch.finfo(x.dtype).tiny)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """The same, differentiable."""
        x = self.sample(sample_shape)
        if not (self.loc.requires_grad or self.concentration.requires_grad):
            return x
        lower, upper = log_tails(self, x)
        right = upper < lower
        tail = torch.where(right, upper, lower)
        with torch.no_grad():  # dx/dtheta = -(d log F/dtheta) F/f, or the same with 1 - F
            weight = (tail - self.log_prob(x)).exp()
            weight = torch.where(right, weight, -weight)
        return x + weight * (tail - tail.detach())

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`P(X \le x)`."""
        return log_tails(self, self._scored(value))[0].exp()

    @property
    def mean(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        r""":math:`\mu / (k + \sqrt{k^2 + 1}),\ k = 3\mu / (2\lambda)`."""
        k = 1.5 * self.loc / self.concentration
        return self.loc / (k + torch.hypot(k, torch.ones_like(k)))

    @property
    def variance(self) -> Tensor:
        r""":math:`\mu^3 / \lambda`."""
        return self.loc**3 / self.concentration


@register_tails(Wald)
def _tails(d: Wald, x: Tensor) -> tuple[Tensor, Tensor]:
    root = (d.concentration / x).sqrt()
    a, b = root * (x / d.loc - 1), root * (x / d.loc + 1)
    mirrored = log_erfcx(b * math.sqrt(0.5)) - a * a / 2 - math.log(2)
    return torch.logaddexp(log_ndtr(a), mirrored), log_diff_exp(log_ndtr(-a), mirrored)
