"""The beta distribution on any interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.beta import Beta
from pyro.distributions.tails import log_tails, register_tails
from pyro.distributions.univariate import UnivariateDistribution
from pyro.ops.shapes import Numeric
from pyro.ops.special import log_beta, log_power

_SCALAR = torch.Size()


class AffineBeta(UnivariateDistribution):
    r""":math:`f(x) = \frac{z^{\alpha-1} (1-z)^{\beta-1}}{s\, B(\alpha, \beta)},\quad z = (x-m)/s`

    A beta variable, stretched and shifted onto :math:`[m, m + s]`.

    See Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate Distributions* 2, chapter 25.

    :param concentration1: :math:`\alpha`, positive; broadcasts with the others to the batch shape.
    :param concentration0: :math:`\beta`, positive.
    :param loc: The lower end m, real.
    :param scale: The width s, positive.

    Example::

        >>> d = dist.AffineBeta(2.0, 3.0, loc=1.0, scale=2.0)
        >>> d.mean, d.low, d.high, d.log_prob(1.5)
        (tensor(1.8000), tensor(1.), tensor(3.), tensor(-0.1699))
    """

    arg_constraints = {
        "concentration1": tc.positive,
        "concentration0": tc.positive,
        "loc": tc.real,
        "scale": tc.positive,
    }
    has_rsample = True
    concentration1: Tensor
    concentration0: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(
        self,
        concentration1: Numeric,
        concentration0: Numeric,
        loc: Numeric,
        scale: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        self._set(
            validate_args,
            concentration1=concentration1,
            concentration0=concentration0,
            loc=loc,
            scale=scale,
        )

    @tc.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """From ``low`` to ``high``."""
        return tc.interval(self.low, self.high)

    @property
    def low(self) -> Tensor:
        """The lower end, ``loc``."""
        return self.loc

    @property
    def high(self) -> Tensor:
        """The upper end, ``loc + scale``."""
        return self.loc + self.scale

    @property
    def sample_size(self) -> Tensor:
        """The sum of the concentrations."""
        return self.concentration1 + self.concentration0

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        a, b, scale = self.concentration1, self.concentration0, self.scale
        low, high = (value - self.loc) / scale, (self.high - value) / scale
        kernel = log_power(a - 1, low) + log_power(b - 1, high)
        return kernel - log_beta(a, b) - scale.log()

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable; never at an end."""
        z: Tensor = self._unit().rsample(torch.Size(sample_shape))
        eps = torch.finfo(z.dtype).eps
        return self.loc + self.scale * z.clamp(eps, 1 - eps)

    def cdf(self, value: Numeric) -> Tensor:
        """The regularised incomplete beta function at z."""
        return log_tails(self, self._scored(value))[0].exp()

    def _unit(self) -> Any:
        return Beta(self.concentration1, self.concentration0, validate_args=False)

    @property
    def mean(self) -> Tensor:
        r""":math:`m + s \frac{\alpha}{\alpha + \beta}`."""
        return self.loc + self.scale * self.concentration1 / self.sample_size

    @property
    def variance(self) -> Tensor:
        r""":math:`s^2 \frac{\alpha\beta}{(\alpha+\beta)^2 (\alpha+\beta+1)}`."""
        n = self.sample_size
        product = self.concentration1 * self.concentration0
        return self.scale.square() * product / (n.square() * (n + 1))


@register_tails(AffineBeta)
def _tails(d: AffineBeta, x: Tensor) -> tuple[Tensor, Tensor]:
    return log_tails(d._unit(), (x - d.loc) / d.scale)
