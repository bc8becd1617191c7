"""Univariate families on the real line."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.circular_bessel import bessel_complement, log_bessel_i0e
from pyro.ops.directions import wrap_angle
from pyro.ops.shapes import Numeric
from pyro.ops.von_mises_draw import draw_von_mises

_LOG_2PI = math.log(2 * math.pi)

__all__ = [
    "Cauchy",
    "Gumbel",
    "Laplace",
    "StudentT",
    "VonMises",
]


@torch_family
class Cauchy(td.Cauchy, TorchDistribution):
    r""":math:`f(x) = \frac{1}{\pi \gamma \left(1 + \left(\frac{x-\mu}{\gamma}\right)^2\right)}`

    A symmetric law of heavy tails over the real numbers, without a mean or a variance.  See
    Johnson, Kotz and Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter
    16.

    :param loc: The median :math:`\mu`, real.
    :param scale: The half width :math:`\gamma` at half height, positive.  Both broadcast to the
        batch shape.

    Example::

        >>> d = dist.Cauchy(0.0, torch.tensor([1.0, 2.0]))
        >>> d.cdf(1.0), d.log_prob(1.0)
        (tensor([0.7500, 0.6476]), tensor([-1.8379, -2.0610]))
    """


@torch_family
class Gumbel(td.Gumbel, TorchDistribution):  # type: ignore[override]
    r""":math:`f(x) = \frac1\beta\, e^{-(z + e^{-z})}, \qquad z = \frac{x-\mu}{\beta}`

    The limit of maxima of many values, over the real numbers.  See Gumbel (1958), *Statistics of
    Extremes*, and Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate Distributions*,
    vol. 2, chapter 22.

    :param loc: The mode :math:`\mu`, real.
    :param scale: :math:`\beta`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Gumbel(torch.tensor([0.0, 1.0]), 2.0)
        >>> d.mean, d.log_prob(1.0)
        (tensor([1.1544, 2.1544]), tensor([-1.7997, -1.6931]))
    """


@torch_family
class Laplace(td.Laplace, TorchDistribution):
    r""":math:`f(x) = \frac{1}{2b}\, e^{-|x-\mu|/b}`

    Errors with exponential tails over the real numbers; a prior that favours few large values.  See
    Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate Distributions*, vol. 2, chapter
    24.

    :param loc: The median :math:`\mu`, real.
    :param scale: :math:`b`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Laplace(0.0, torch.tensor([1.0, 2.0]))
        >>> d.variance, d.log_prob(1.0)
        (tensor([2., 8.]), tensor([-1.6931, -1.8863]))
    """


@torch_family
class StudentT(td.StudentT, TorchDistribution):
    r""":math:`f(x) = \frac{\Gamma(\frac{\nu+1}{2})}{\Gamma(\frac\nu2) \sqrt{\pi\nu}\, \sigma}
    \left(1 + \frac1\nu \left(\frac{x-\mu}{\sigma}\right)^2\right)^{-\frac{\nu+1}{2}}`

    A normal law of unknown variance: robust errors over the real numbers.  See Johnson, Kotz and
    Balakrishnan (1995), *Continuous Univariate Distributions*, vol. 2, chapter 28.

    :param df: The degrees of freedom :math:`\nu`, positive.
    :param loc: The median :math:`\mu`, real.
    :param scale: :math:`\sigma`, positive.  All broadcast to the batch shape.

    Example::

        >>> d = dist.StudentT(torch.tensor([3.0, 30.0]), 0.0, 1.0)
        >>> d.variance, d.log_prob(4.0)
        (tensor([3.0000, 1.0714]), tensor([-4.6925, -7.5527]))
    """


@torch_family
class VonMises(td.VonMises, TorchDistribution):
    r""":math:`f(x) = \frac{e^{\kappa \cos(x-\mu)}}{2\pi I_0(\kappa)}`

    The normal law of the circle: angles, of which draws lie in :math:`[-\pi, \pi)`.  The variance
    is circular, :math:`1 - I_1(\kappa) / I_0(\kappa)`.  See Mardia and Jupp (2000), *Directional
    Statistics*, section 3.5.4; draws are by Best and Fisher (1979), *Efficient Simulation of the
    von Mises Distribution*.

    :param loc: The mean direction :math:`\mu`, an angle in radians.
    :param concentration: :math:`\kappa`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.VonMises(0.0, torch.tensor([0.1, 10.0]))
        >>> d.variance, d.log_prob(0.5)
        (tensor([0.9501, 0.0514]), tensor([-1.7526, -1.0050]))
    """

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Draw by the method of Best and Fisher, in double precision."""
        with torch.no_grad():
            kappa = self.concentration.double().expand(
                self._extended_shape(torch.Size(sample_shape))
            )
            return wrap_angle(draw_von_mises(kappa) + self.loc.double()).to(self.loc.dtype)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; accurate for any concentration."""
        half = (self._scored(value) - self.loc) / 2
        peak = -2 * self.concentration * half.sin().square()  # kappa (cos(x - mu) - 1)
        return peak - _LOG_2PI - log_bessel_i0e(self.concentration)

    @property
    def variance(self) -> Tensor:
        """The circular one."""
        return bessel_complement(self.concentration)
