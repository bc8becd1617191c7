"""The skew normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.tails import register_tails
from pyro.distributions.univariate import UnivariateDistribution
from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.shapes import Numeric
from pyro.ops.skew_normal import log_skew_normal_tails

_SCALAR = torch.Size()
_LOG_SQRT_HALF_PI = 0.5 * math.log(math.pi / 2)


class SkewNormal(UnivariateDistribution):
    r""":math:`f(x) = \tfrac{2}{\sigma}\, \varphi(z)\, \Phi(\alpha z),\quad z = (x-\mu)/\sigma`

    Skewed right where :math:`\alpha > 0`, left where :math:`\alpha < 0`, normal at 0.

    See Azzalini (1985), *A Class of Distributions Which Includes the Normal Ones*.

    :param loc: :math:`\mu`, real; broadcasts with the others to the batch shape.
    :param scale: :math:`\sigma`, positive.
    :param skew: :math:`\alpha`, real.

    Example::

        >>> d = dist.SkewNormal(0.0, 1.0, skew=4.0)
        >>> d.mean, d.log_prob(torch.tensor([-10.0, 1.0]))
        (tensor(0.7741), tensor([-8.5483e+02, -7.2582e-01]))
    """

    arg_constraints = {"loc": tc.real, "scale": tc.positive, "skew": tc.real}
    support = tc.real
    has_rsample = True
    loc: Tensor
    scale: Tensor
    skew: Tensor

    def __init__(
        self, loc: Numeric, scale: Numeric, skew: Numeric, validate_args: bool | None = None
    ) -> None:
        self._set(validate_args, loc=loc, scale=scale, skew=skew)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = (self._scored(value) - self.loc) / self.scale
        return log_ndtr(self.skew * z) - z * z / 2 - self.scale.log() - _LOG_SQRT_HALF_PI

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        r"""Differentiable: :math:`\mu + \sigma (\alpha |U| + V) / \sqrt{1 + \alpha^2}`."""
        loc = self.loc
        u, v = torch.randn(
            (2, *self.shape(sample_shape)), dtype=loc.dtype, device=loc.device
        ).unbind()
        length = torch.hypot(self.skew, torch.ones_like(self.skew))
        return loc + self.scale * (self.skew / length * u.abs() + v / length)

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`\Phi(z) - 2 T(z, \alpha)`, with T the function of Owen."""
        return _tails(self, self._scored(value))[0].exp()

    @property
    def mean(self) -> Tensor:
        r""":math:`\mu + \sigma\delta\sqrt{2/\pi},\ \delta = \alpha/\sqrt{1+\alpha^2}`."""
        return self.loc + self.scale * self._delta() * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        r""":math:`\sigma^2 (1 - 2\delta^2/\pi)`."""
        return self.scale.square() * (1 - self._delta().square() * (2 / math.pi))

    def _delta(self) -> Tensor:
        return self.skew / torch.hypot(self.skew, torch.ones_like(self.skew))


@register_tails(SkewNormal)
def _tails(d: SkewNormal, x: Tensor) -> tuple[Tensor, Tensor]:
    return log_skew_normal_tails((x - d.loc) / d.scale, d.skew)
