"""Univariate families on a half line."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor

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
    r""":math:`f(x) \propto x^{k/2-1} e^{-x/2}`

    ``df`` :math:`k` positive; :math:`x \ge 0`.
    """


@torch_family
class FisherSnedecor(td.FisherSnedecor, TorchDistribution):
    r""":math:`x = \frac{u_1/d_1}{u_2/d_2},\quad u_i \sim \chi^2_{d_i}`

    ``df1``, ``df2`` positive; :math:`x > 0`.
    """


@torch_family
class InverseGamma(td.InverseGamma, TorchDistribution):
    r""":math:`f(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{-\alpha-1} e^{-\beta/x}`

    ``concentration`` and ``rate`` positive; :math:`x > 0`.
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
    r""":math:`f(x) = \alpha s^\alpha x^{-\alpha-1}`

    ``scale`` :math:`s` and ``alpha`` positive; :math:`x \ge s`.
    """


@torch_family
class Weibull(td.Weibull, TorchDistribution):  # type: ignore[override]
    r""":math:`f(x) = \tfrac{k}{\lambda}(x/\lambda)^{k-1} e^{-(x/\lambda)^k}`

    ``scale`` :math:`\lambda` and ``concentration`` :math:`k` positive; :math:`x > 0`.
    """
