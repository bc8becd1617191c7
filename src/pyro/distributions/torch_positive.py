"""Univariate families on a half line."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.gamma import Gamma
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric

__all__ = [
    "Chi2",
    "FisherSnedecor",
    "InverseGamma",
    "Pareto",
    "Weibull",
]


@torch_family
class Chi2(td.Chi2, TorchDistribution):
    r""":math:`f(x) = \frac{x^{k/2 - 1}\, e^{-x/2}}{2^{k/2}\, \Gamma(k/2)}, \qquad x \ge 0`

    The sum of :math:`k` squares of standard normal variables.  See Johnson, Kotz and Balakrishnan
    (1994), *Continuous Univariate Distributions*, vol. 1, chapter 18.

    :param df: The degrees of freedom :math:`k`, positive, of the batch shape.

    Example::

        >>> d = dist.Chi2(torch.tensor([1.0, 4.0]))
        >>> d.mean, d.log_prob(2.0)
        (tensor([1., 4.]), tensor([-2.2655, -1.6931]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        return Gamma.log_prob(self, value)  # type: ignore[arg-type]


@torch_family
class FisherSnedecor(td.FisherSnedecor, TorchDistribution):
    r""":math:`f(x) = \frac{\left(\frac{d_1}{d_2}\right)^{d_1/2} x^{d_1/2 - 1} \left(1 +
    \frac{d_1}{d_2} x\right)^{-(d_1+d_2)/2}}{B(d_1/2,\, d_2/2)}, \qquad x > 0`

    The ratio of two mean squares: the F distribution.  See Johnson, Kotz and Balakrishnan (1995),
    *Continuous Univariate Distributions*, vol. 2, chapter 27.

    :param df1: The degrees of freedom :math:`d_1` of the numerator, positive.
    :param df2: Those of the denominator, :math:`d_2`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.FisherSnedecor(3.0, torch.tensor([5.0, 50.0]))
        >>> d.mean, d.log_prob(1.0)
        (tensor([1.6667, 1.0417]), tensor([-1.0184, -0.8003]))
    """


@torch_family
class InverseGamma(td.InverseGamma, TorchDistribution):
    r""":math:`f(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{-\alpha-1} e^{-\beta/x}, \qquad x > 0`

    The conjugate prior of a variance: its inverse has a gamma law.  See Gelman, Carlin, Stern,
    Dunson, Vehtari and Rubin (2013), *Bayesian Data Analysis*, appendix A.

    :param concentration: The shape :math:`\alpha`, positive.
    :param rate: :math:`\beta`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.InverseGamma(3.0, torch.tensor([1.0, 4.0]))
        >>> d.mean, d.log_prob(torch.tensor(1.0))
        (tensor([0.5000, 2.0000]), tensor([-1.6931, -0.5343]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; finite for the smallest and the largest values."""
        value = self._scored(value)
        concentration, rate = self.concentration, self.rate
        constant = torch.xlogy(concentration, rate) - concentration.lgamma()
        log_prob: Tensor = constant - (concentration + 1) * value.log() - rate / value
        return log_prob


@torch_family
class Pareto(td.Pareto, TorchDistribution):  # type: ignore[misc, override]
    r""":math:`f(x) = \frac{\alpha s^\alpha}{x^{\alpha+1}}, \qquad x \ge s`

    Sizes whose tail is a power law.  See Johnson, Kotz and Balakrishnan (1994), *Continuous
    Univariate Distributions*, vol. 1, chapter 20.

    :param scale: The smallest value :math:`s`, positive.
    :param alpha: The tail index :math:`\alpha`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Pareto(1.0, torch.tensor([2.0, 3.0]))
        >>> d.mean, d.log_prob(torch.tensor(2.0))
        (tensor([2.0000, 1.5000]), tensor([-1.3863, -1.6740]))
    """


@torch_family
class Weibull(td.Weibull, TorchDistribution):  # type: ignore[override]
    r""":math:`f(x) = \frac{k}{\lambda} \left(\frac{x}{\lambda}\right)^{k-1} e^{-(x/\lambda)^k},
    \qquad x > 0`

    Lifetimes whose hazard rises (:math:`k > 1`) or falls with age.  See Johnson, Kotz and
    Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter 21.

    :param scale: :math:`\lambda`, positive.
    :param concentration: The shape :math:`k`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Weibull(2.0, torch.tensor([1.0, 3.0]))
        >>> d.mean, d.log_prob(torch.tensor(1.0))
        (tensor([2.0000, 1.7860]), tensor([-1.1931, -1.1058]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        concentration = self.concentration
        log_z = self._scored(value).log() - self.scale.log()
        constant = concentration.log() - self.scale.log()
        return (concentration - 1) * log_z - (concentration * log_z).exp() + constant
