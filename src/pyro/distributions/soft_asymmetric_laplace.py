"""The soft asymmetric (normal) Laplace distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.tails import register_tails
from pyro.distributions.univariate import UnivariateDistribution, standard_exponential
from pyro.ops.log_ndtr import log_ndtr, log_normal_exponential
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log1mexp

_SCALAR = torch.Size()


class SoftAsymmetricLaplace(UnivariateDistribution):
    r""":math:`f(x) = \frac{1}{l + r} \left( e^{a^2/2 - az}\,\Phi(z - a) +
    e^{b^2/2 + bz}\,\Phi(-z - b) \right)`

    The sum of a normal and an asymmetric Laplace variable, smooth everywhere, with
    :math:`z = (x-\mu)/\sigma,\ a = \sigma/r,\ b = \sigma/l,\ \sigma = s\tau,\ l = s\kappa,\
    r = s/\kappa`.

    See Reed and Jorgensen (2004), *The Double Pareto-Lognormal Distribution*, section 2.3.

    :param loc: :math:`\mu`, real; broadcasts with the others to the batch shape.
    :param scale: :math:`s`, positive: the geometric mean of the scales of the tails.
    :param asymmetry: :math:`\kappa`, positive: the square root of the ratio of left to right scale.
    :param softness: :math:`\tau`, positive: the normal's scale in units of ``scale``.

    Example::

        >>> d = dist.SoftAsymmetricLaplace(0.0, 1.0, softness=0.01)
        >>> bool((d.log_prob(2.0) - dist.Laplace(0.0, 1.0).log_prob(2.0)).abs() < 1e-4)
        True
    """

    arg_constraints = {
        "loc": tc.real,
        "scale": tc.positive,
        "asymmetry": tc.positive,
        "softness": tc.positive,
    }
    support = tc.real
    has_rsample = True
    loc: Tensor
    scale: Tensor
    asymmetry: Tensor
    softness: Tensor

    def __init__(
        self,
        loc: Numeric,
        scale: Numeric,
        asymmetry: Numeric = 1.0,
        softness: Numeric = 1.0,
        *,
        validate_args: bool | None = None,
    ) -> None:
        self._set(validate_args, loc=loc, scale=scale, asymmetry=asymmetry, softness=softness)

    @property
    def left_scale(self) -> Tensor:
        """The scale of the left tail."""
        return self.scale * self.asymmetry

    @property
    def right_scale(self) -> Tensor:
        """The scale of the right tail."""
        return self.scale / self.asymmetry

    @property
    def soft_scale(self) -> Tensor:
        """The scale of the normal part."""
        return self.scale * self.softness

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = (self._scored(value) - self.loc) / self.scale / self.softness
        asymmetry, inverse = self.asymmetry, self.asymmetry.reciprocal()
        up = log_normal_exponential(z, self.softness * asymmetry)
        down = log_normal_exponential(-z, self.softness * inverse)
        return torch.logaddexp(up, down) - (self.scale.log() + (asymmetry + inverse).log())

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        loc, shape = self.loc, self.shape(sample_shape)
        down, up = standard_exponential(loc, (2, *shape)).unbind()
        noise = torch.randn(shape, dtype=loc.dtype, device=loc.device)
        return loc + self.soft_scale * noise - self.left_scale * down + self.right_scale * up

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`\Phi(z) + (l\, d - r\, u) / (l + r)` with the terms u and d of the density."""
        return _tails(self, self._scored(value))[0].exp()

    @property
    def mean(self) -> Tensor:
        r""":math:`\mu + r - l`."""
        return self.loc + self.right_scale - self.left_scale

    @property
    def variance(self) -> Tensor:
        r""":math:`l^2 + r^2 + \sigma^2`."""
        scales = torch.stack([self.left_scale, self.right_scale, self.soft_scale])
        return scales.square().sum(0)


@register_tails(SoftAsymmetricLaplace)
def _tails(d: SoftAsymmetricLaplace, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale / d.softness
    asymmetry, inverse = d.asymmetry, d.asymmetry.reciprocal()
    total = (asymmetry + inverse).log()
    up = log_normal_exponential(z, d.softness * asymmetry) + inverse.log() - total
    down = log_normal_exponential(-z, d.softness * inverse) + asymmetry.log() - total
    return _tail(z, down, up), _tail(-z, up, down)


def _tail(z: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """The log of ``own`` and of what ``other`` leaves of a normal tail, which are positive."""
    normal = log_ndtr(z)
    return torch.logaddexp(own, normal + log1mexp((other - normal).clamp(max=0.0))).clamp(max=0.0)
