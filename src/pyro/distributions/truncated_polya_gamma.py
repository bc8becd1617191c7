"""The Polya-Gamma distribution PG(1, 0) below 2.5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.quantile_search import search_quantile
from pyro.distributions.tails import register_tails
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()
_TERMS = 7
_SWITCH = 0.16  # either series alternates and its terms shrink fast on its side
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_MEAN, _VARIANCE = 0.24998630211998485, 0.041633073844426056  # both series, integrated


class TruncatedPolyaGamma(TorchDistribution):
    r"""The law PG(1, 0) restricted to (0, 2.5), beyond which it has a mass of 6e-6.

    .. math:: f(x) \propto \sum_{n \ge 0} (-1)^n \frac{2n+1}{\sqrt{2\pi x^3}}
        \exp\left(-\frac{(2n+1)^2}{8x}\right), \qquad 0 < x < 2.5

    A normal variable with precision x and mean tilted accordingly is logistic: the augmentation of
    logistic regression.  Small x are scored by this series, larger ones by its Jacobi transform;
    draws invert the distribution function exactly.

    See Polson, Scott and Windle (2013), *Bayesian Inference for Logistic Models Using Polya-Gamma
    Latent Variables*, sections 2 and 4; Devroye (2009), *On Exact Simulation Algorithms for Some
    Distributions Related to Jacobi Theta Functions* (both series).

    :param prototype: A tensor of any shape that sets dtype and device; the batch shape is ().

    Example::

        >>> d = dist.TruncatedPolyaGamma(torch.tensor(0.0))
        >>> d.log_prob(torch.tensor([0.2, 1.0])), d.expand([3]).sample().shape
        (tensor([ 0.8498, -3.0969]), torch.Size([3]))
    """

    truncation_point = 2.5
    arg_constraints: dict[str, Any] = {}
    support = tc.interval(0.0, truncation_point)
    has_rsample = False

    def __init__(self, prototype: Tensor, validate_args: bool | None = None) -> None:
        self.prototype = prototype
        super().__init__(_SCALAR, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Independent copies."""
        if batch_shape == self._batch_shape:
            return self
        shape = torch.Size(batch_shape)
        if broadcast_shape(shape, self._batch_shape) != shape:
            raise ShapeError(f"cannot expand {tuple(self._batch_shape)} to {tuple(shape)}")
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._batch_shape = shape
        return new

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        x = self._scored(value)
        x = x if x.dim() >= len(self._batch_shape) else x.expand(self._batch_shape)
        inside = x > 0
        x = torch.where(inside, x, 1.0)
        inverse, small = x.reciprocal(), x < _SWITCH
        # both series have the terms (-1)^n (2 n + 1) q^(n (n + 1) / 2), with their own q < 0.002
        q = (-torch.where(small, inverse, 4 * math.pi**2 * x)).exp()
        series = torch.log1p(-q * (3 - q * q * (5 - 7 * q * q * q)))
        near = -1.5 * x.log() - inverse / 8 - _LOG_SQRT_2PI
        far = math.log(2 * math.pi) - math.pi**2 / 2 * x
        log_prob = torch.where(small, near, far) + series - self._log_mass()
        return torch.where(inside, log_prob, -math.inf)

    def _log_mass(self) -> float:
        return math.log1p(-4 / math.pi * math.exp(-(math.pi**2) / 2 * self.truncation_point))

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``, by inversion."""
        like = self.prototype
        u = torch.rand(self.shape(sample_shape), dtype=like.dtype, device=like.device)
        u = u.clamp(min=torch.finfo(u.dtype).tiny)
        ends = u.new_tensor([0.0, self.truncation_point])
        return search_quantile(self, u.log(), torch.log1p(-u), ends[0], ends[1])

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`P(X \le x)`."""
        return _tails(self, self._scored(value))[0].exp()

    @property
    def mean(self) -> Tensor:
        """1/4 of the whole law, and slightly less of the truncated one."""
        return self.prototype.new_full(self._batch_shape, _MEAN)

    @property
    def variance(self) -> Tensor:
        """1/24 of the whole law, and slightly less of the truncated one."""
        return self.prototype.new_full(self._batch_shape, _VARIANCE)


def _series(log_term: Any) -> Tensor:
    """The logarithm of an alternating sum whose first term is 1."""
    total = sum((-1) ** n * log_term(n).exp() for n in range(1, _TERMS))
    log_sum: Tensor = torch.log1p(total)
    return log_sum


@register_tails(TruncatedPolyaGamma)
def _tails(d: TruncatedPolyaGamma, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clamp(min=torch.finfo(x.dtype).tiny)
    small = x < _SWITCH
    near, far = torch.where(small, x, _SWITCH), torch.where(small, _SWITCH, x)
    first = torch.special.log_ndtr(-0.5 * near.rsqrt())
    below = _series(lambda n: torch.special.log_ndtr(-(n + 0.5) * near.rsqrt()) - first)
    log_below = math.log(4) + first + below
    beyond = _series(lambda n: -math.log(2 * n + 1) - 2 * math.pi**2 * n * (n + 1) * far)
    log_beyond = math.log(4 / math.pi) - math.pi**2 / 2 * far + beyond
    mass = d._log_mass()
    cut = math.log(4 / math.pi) - math.pi**2 / 2 * d.truncation_point
    lower = torch.where(small, log_below, torch.log1p(-log_beyond.exp())) - mass
    rest = torch.where(small, torch.log1p(-log_below.exp()), log_beyond)
    upper = rest + torch.log1p(-(cut - rest).clamp(max=0.0).exp()) - mass
    return lower.clamp(max=0.0), upper.clamp(max=0.0)
