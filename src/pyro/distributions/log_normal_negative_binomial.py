"""The negative binomial distribution with log-normal noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_discrete import NegativeBinomial
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.gamma_ratio import log_gamma_ratio
from pyro.ops.shapes import Numeric, broadcast_tensors

_SCALAR = torch.Size()
_log_sigmoid = torch.nn.functional.logsigmoid


class LogNormalNegativeBinomial(TorchDistribution):
    r""":math:`P(k) = \int \mathrm{NB}(k;\, r,\, \ell + \sigma \varepsilon)\,
    \varphi(\varepsilon)\, d\varepsilon`

    A negative binomial count with :math:`r` successes and log odds :math:`\ell`, whose mean
    :math:`r e^\ell` is multiplied by log-normal noise :math:`e^{\sigma \varepsilon}`.  The integral
    is a sum over Gauss-Hermite points (Abramowitz and Stegun 1972, *Handbook of Mathematical
    Functions*, 25.4.46), and exactly normalised as such; draws and moments are those of the
    integral.

    :param total_count: :math:`r`, nonnegative.
    :param logits: :math:`\ell`, real.
    :param multiplicative_noise_scale: :math:`\sigma`, positive; all broadcast to the batch shape.
    :param num_quad_points: The number of points; more are needed where :math:`\sigma` is large.
        The support is :math:`k = 0, 1, \dots`

    Example::

        >>> d = dist.LogNormalNegativeBinomial(3.0, 0.2, 0.5)
        >>> d.mean, d.log_prob(torch.tensor([0.0, 5.0]))
        (tensor(4.1521), tensor([-2.1914, -2.5061]))
    """

    arg_constraints = {
        "total_count": tc.nonnegative,
        "logits": tc.real,
        "multiplicative_noise_scale": tc.positive,
    }
    support = tc.nonnegative_integer

    def __init__(
        self,
        total_count: Numeric,
        logits: Numeric,
        multiplicative_noise_scale: Numeric,
        *,
        num_quad_points: int = 8,
        validate_args: bool | None = None,
    ) -> None:
        if num_quad_points < 1:
            raise ValueError(f"num_quad_points must be positive, got {num_quad_points}")
        self.total_count, self.logits, self.multiplicative_noise_scale = broadcast_tensors(
            total_count, logits, multiplicative_noise_scale
        )
        self.num_quad_points = num_quad_points
        super().__init__(self.logits.shape, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A negative binomial count with drawn noise."""
        with torch.no_grad():
            noise = torch.randn(
                self.shape(sample_shape), dtype=self.logits.dtype, device=self.logits.device
            )
            logits = self.logits + self.multiplicative_noise_scale * noise
            base: Any = NegativeBinomial(self.total_count, logits=logits, validate_args=False)
            return base.sample()  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        k, r = self._scored(value), self.total_count
        points, weights = np.polynomial.hermite_e.hermegauss(self.num_quad_points)
        noise = self.logits.new_tensor(points)
        log_weights = self.logits.new_tensor(np.log(weights / weights.sum()))
        logits = self.logits.unsqueeze(-1) + self.multiplicative_noise_scale.unsqueeze(-1) * noise
        chance = k.unsqueeze(-1) * _log_sigmoid(logits) + r.unsqueeze(-1) * _log_sigmoid(-logits)
        return _log_ways(k, r) + (chance + log_weights).logsumexp(-1)

    @property
    def mean(self) -> Tensor:
        r""":math:`r e^{\ell + \sigma^2/2}`."""
        square = self.multiplicative_noise_scale.square()
        return self.total_count * (self.logits + square / 2).exp()

    @property
    def variance(self) -> Tensor:
        r""":math:`m + m^2 (e^{\sigma^2} (1 + 1/r) - 1)`, where :math:`m` is the mean."""
        mean, square = self.mean, self.multiplicative_noise_scale.square()
        per_count = (self.total_count + 1) * mean * square.exp() / self.total_count
        return mean * (1 + per_count - mean)


def _log_ways(k: Tensor, r: Tensor) -> Tensor:
    r""":math:`\log \binom{k + r - 1}{k}`; with no successes only a count of zero has a way."""
    some = r > 0
    ways = log_gamma_ratio(torch.where(some, r, 1), k) - (k + 1).lgamma()
    return torch.where(some, ways, torch.where(k == 0, 0.0, -torch.inf))
