"""The soft Laplace (hyperbolic secant) distribution."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pyro.distributions.symmetric import SymmetricDistribution
from pyro.distributions.tails import register_tails
from pyro.ops.shapes import Numeric

_LOG_2_OVER_PI = math.log(2 / math.pi)


class SoftLaplace(SymmetricDistribution):
    r""":math:`f(x) = \frac{2}{\pi s}\,\frac{1}{e^z + e^{-z}},\quad z = (x-\mu)/s`

    The hyperbolic secant law: tails like those of the Laplace law, but smooth at the mode, so that
    Newton's method and Laplace's approximation work.

    See Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate Distributions* 2,
    section 23.11.

    :param loc: The mean :math:`\mu`, real; broadcasts with ``scale`` to the batch shape.
    :param scale: :math:`s`, positive.

    Example::

        >>> dist.SoftLaplace(0.0, 1.0).log_prob(torch.tensor([0.0, 500.0]))
        tensor([  -1.1447, -500.4516])
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = ((self._scored(value) - self.loc) / self.scale).abs()
        return _LOG_2_OVER_PI - self.scale.log() - z - F.softplus(-2 * z)

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`\tfrac{2}{\pi} \arctan e^z`."""
        return _tails(self, self._scored(value))[0].exp()

    def icdf(self, value: Numeric) -> Tensor:
        r""":math:`\mu + s \log\tan(\pi u / 2)`."""
        half = self._as_value(value) * (math.pi / 2)
        return self.loc + self.scale * (half.sin().log() - half.cos().log())

    @property
    def variance(self) -> Tensor:
        r""":math:`s^2 \pi^2 / 4`."""
        return self.scale.square() * (math.pi**2 / 4)


@register_tails(SoftLaplace)
def _tails(d: SoftLaplace, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    decay = (-z.abs()).exp()
    # atan(y)/y is 1 - y^2/3 where y would underflow in a product but not in a sum of logarithms.
    ratio = torch.where(decay > 1e-4, decay.clamp(min=1e-4).atan() / decay.clamp(min=1e-4), 1.0)
    near = _LOG_2_OVER_PI - z.abs() + ratio.log()
    far = torch.log1p(-near.exp())
    return torch.where(z < 0, near, far), torch.where(z < 0, far, near)
