"""Univariate families on the real line."""

from __future__ import annotations

import math

import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.circular_bessel import bessel_complement, log_bessel_i0e
from pyro.ops.shapes import Numeric

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
    r""":math:`f(x) = \frac{1}{\pi\gamma(1 + ((x-\mu)/\gamma)^2)}`

    ``loc`` real, ``scale`` positive; :math:`x` real; no mean, no variance.
    """


@torch_family
class Gumbel(td.Gumbel, TorchDistribution):  # type: ignore[override]
    r""":math:`f(x) = \tfrac1\beta e^{-(z + e^{-z})},\quad z = (x-\mu)/\beta`

    ``loc`` real, ``scale`` positive; :math:`x` real.
    """


@torch_family
class Laplace(td.Laplace, TorchDistribution):
    r""":math:`f(x) = \tfrac{1}{2b} e^{-|x-\mu|/b}`

    ``loc`` real, ``scale`` positive; :math:`x` real.
    """


@torch_family
class StudentT(td.StudentT, TorchDistribution):
    r""":math:`f(x) \propto \left(1 +
    \tfrac{1}{\nu}\left(\tfrac{x-\mu}{\sigma}\right)^2\right)^{-(\nu+1)/2}`

    ``df`` positive, ``loc`` real, ``scale`` positive; :math:`x` real.
    """


@torch_family
class VonMises(td.VonMises, TorchDistribution):
    r""":math:`f(x) = \frac{e^{\kappa\cos(x-\mu)}}{2\pi I_0(\kappa)}`

    ``loc`` real (an angle in radians), ``concentration`` positive; :math:`x` an angle.  Draws lie
    in :math:`[-\pi, \pi)`; ``variance`` is circular, :math:`1 - I_1(\kappa)/I_0(\kappa)`.
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; accurate for any concentration."""
        half = (self._scored(value) - self.loc) / 2
        peak = -2 * self.concentration * half.sin().square()  # kappa (cos(x - mu) - 1)
        return peak - _LOG_2PI - log_bessel_i0e(self.concentration)

    @property
    def variance(self) -> Tensor:
        """The circular one."""
        return bessel_complement(self.concentration)
