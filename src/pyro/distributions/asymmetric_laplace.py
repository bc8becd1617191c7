"""The asymmetric Laplace distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.tails import register_tails
from pyro.distributions.univariate import UnivariateDistribution, standard_exponential
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log1mexp

_SCALAR = torch.Size()


class AsymmetricLaplace(UnivariateDistribution):
    r""":math:`f(x) = \frac{1}{l + r} \begin{cases} e^{(x-\mu)/l} & x < \mu \\ e^{-(x-\mu)/r} & x
    \ge \mu \end{cases},\quad l = s\kappa,\ r = s/\kappa`

    The difference of two exponential variables, of means r and l.

    See Kotz, Kozubowski and Podgorski (2001), *The Laplace Distribution and Generalizations*,
    chapter 3.

    :param loc: The mode :math:`\mu`, real; broadcasts with the others to the batch shape.
    :param scale: :math:`s`, positive: the geometric mean of the two scales.
    :param asymmetry: :math:`\kappa`, positive: the square root of the ratio of left to right scale.

    Example::

        >>> d = dist.AsymmetricLaplace(0.0, 1.0, asymmetry=2.0)
        >>> d.left_scale, d.right_scale, d.log_prob(torch.tensor([-2.0, 0.5]))
        (tensor(2.), tensor(0.5000), tensor([-1.9163, -1.9163]))
    """

    arg_constraints = {"loc": tc.real, "scale": tc.positive, "asymmetry": tc.positive}
    support = tc.real
    has_rsample = True
    loc: Tensor
    scale: Tensor
    asymmetry: Tensor

    def __init__(
        self,
        loc: Numeric,
        scale: Numeric,
        asymmetry: Numeric,
        *,
        validate_args: bool | None = None,
    ) -> None:
        self._set(validate_args, loc=loc, scale=scale, asymmetry=asymmetry)

    @property
    def left_scale(self) -> Tensor:
        """The scale left of the mode."""
        return self.scale * self.asymmetry

    @property
    def right_scale(self) -> Tensor:
        """The scale right of the mode."""
        return self.scale / self.asymmetry

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = (self._scored(value) - self.loc) / self.scale
        asymmetry, inverse = self.asymmetry, self.asymmetry.reciprocal()
        rate = torch.where(z < 0, inverse, asymmetry)
        return -z.abs() * rate - (self.scale.log() + (asymmetry + inverse).log())

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        down, up = standard_exponential(self.loc, (2, *self.shape(sample_shape))).unbind()
        return self.loc - self.left_scale * down + self.right_scale * up

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`P(X \le x)`."""
        return _tails(self, self._scored(value))[0].exp()

    @property
    def mean(self) -> Tensor:
        r""":math:`\mu + r - l`."""
        return self.loc + self.right_scale - self.left_scale

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        r""":math:`l^2 + r^2`."""
        variance: Tensor = self.left_scale.square() + self.right_scale.square()
        return variance


@register_tails(AsymmetricLaplace)
def _tails(d: AsymmetricLaplace, x: Tensor) -> tuple[Tensor, Tensor]:
    z = x - d.loc
    left, right = d.left_scale, d.right_scale
    total = (left + right).log()
    lower, upper = left.log() - total + z / left, right.log() - total - z / right
    lower, upper = lower.clamp(max=0.0), upper.clamp(max=0.0)
    return (
        torch.where(z < 0, lower, log1mexp(upper)),
        torch.where(z < 0, log1mexp(lower), upper),
    )
