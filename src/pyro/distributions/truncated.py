"""Any univariate distribution restricted to an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.interval_distribution import IntervalDistribution
from pyro.distributions.quantile_search import search_quantile
from pyro.distributions.restricted_moments import mean_and_variance, quadrature, where_it_exists
from pyro.distributions.tails import entry_quantile, log_between, log_tails, register_tails
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log1mexp

_EMPTY = torch.Size()
_NARROW = math.log(1e-3)
_NODES = ((-math.sqrt(0.6), 5 / 18), (0.0, 8 / 18), (math.sqrt(0.6), 5 / 18))


class Truncated(IntervalDistribution):
    r"""A univariate law given that its value lies in :math:`[a, b]`.

    .. math:: f_{a,b}(x) = \frac{f(x)}{P(a \le X \le b)}, \qquad a \le x \le b

    The normaliser is computed from logarithms of the smaller tails, so that truncation far out in
    a tail is exact; draws invert the distribution function there and have implicit gradients
    (Figurnov, Mohamed and Mnih 2018, *Implicit Reparameterization Gradients*, equation 5) in the
    parameters of the base and in the ends.

    :param base_dist: A univariate distribution, continuous or over the integers, with an entry in
        ``tails`` or with a ``cdf``.
    :param low: The lower end :math:`a`, real, broadcasting with the base; None means unbounded.
    :param high: The upper end :math:`b`, real, at least ``low``; None means unbounded.
    :raises ValueError: if the base is not univariate, or has no mass between the ends.

    Example::

        >>> d = dist.Truncated(dist.Normal(0.0, 1.0), low=40.0)
        >>> d.log_prob(torch.tensor(40.1))  # the tail probability is e^-804.6
        tensor(-0.3154)
        >>> bool((d.sample((5,)) >= 40).all())
        True
    """

    def __init__(
        self,
        base_dist: Any,
        low: Numeric | None = None,
        high: Numeric | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(base_dist, low, high, validate_args)
        self._low_tails = self._ends.tails_below(self.base_dist)
        self._high_tails = self._ends.tails_upto(self.base_dist)
        self._log_mass = self._mass()
        if self._validate_args and not (self._log_mass > -math.inf).all():
            raise ValueError(
                f"Truncated: {self.base_dist!r} has no mass between low={low} and high={high}"
            )

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of a continuous base."""
        return bool(self.base_dist.has_rsample) and not self.base_dist.support.is_discrete

    def _mass(self) -> Tensor:
        """The log probability of the interval."""
        low, high = self._low_tails, self._high_tails
        mass = log_between(low, high)
        if self.low is None or self.high is None or self.base_dist.support.is_discrete:
            return mass.expand(self._batch_shape)
        narrow = mass - torch.minimum(low[1], high[0]) < _NARROW
        if narrow.any():  # the difference of the tails has lost digits, but the density is flat
            mass = torch.where(narrow, self._mass_by_quadrature(self.low, self.high), mass)
        return mass.expand(self._batch_shape)

    def _mass_by_quadrature(self, low: Tensor, high: Tensor) -> Tensor:
        half = (high - low) / 2
        nodes = [
            self.base_dist.log_prob(low + half * (1 + node)) + math.log(weight)
            for node, weight in _NODES
        ]
        return torch.stack(nodes).logsumexp(0) + (high - low).log()

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``-inf`` outside of the interval."""
        value = self._scored(value)
        log_prob: Tensor = self.base_dist.log_prob(value) - self._log_mass
        return log_prob if self._validate_args else self._ends.restrict(log_prob, value)

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`P(X \le x \mid a \le X \le b)`."""
        return _truncated_tails(self, self._scored(value))[0].exp()

    def icdf(self, value: Numeric) -> Tensor:
        """The quantile of a probability; not differentiable."""
        u = self._as_value(value)
        return self._quantile(u.log(), torch.log1p(-u))

    @torch.no_grad()
    def _quantile(self, log_u: Tensor, log_1mu: Tensor) -> Tensor:
        (below, _), (_, beyond) = self._low_tails, self._high_tails
        lower = torch.logaddexp(below, log_u + self._log_mass).clamp(max=0.0)
        upper = torch.logaddexp(beyond, log_1mu + self._log_mass).clamp(max=0.0)
        right = upper < lower  # the smaller one is exact
        log_u = torch.where(right, log1mexp(upper), lower)
        log_1mu = torch.where(right, upper, log1mexp(lower))
        x = entry_quantile(self.base_dist, log_u, log_1mu)
        if x is None:
            low, high = self._ends.search_range(self.base_dist.support, log_u)
            x = search_quantile(self.base_dist, log_u, log_1mu, low, high)
        return self._ends.clamp(x)

    @property
    def mean(self) -> Tensor:
        """By quadrature, differentiable; infinite or nan where the base's is and an end is open."""
        mean, _ = mean_and_variance(*quadrature(self))
        return where_it_exists(mean, self, "mean")

    @property
    def variance(self) -> Tensor:
        """By quadrature, as the mean."""
        _, variance = mean_and_variance(*quadrature(self))
        return where_it_exists(variance, self, "variance")

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """Shape ``sample_shape + batch_shape``, by inversion."""
        mass = self._log_mass
        u = torch.rand(self.shape(sample_shape), dtype=mass.dtype, device=mass.device)
        u = u.clamp(min=torch.finfo(u.dtype).tiny)
        return self._quantile(u.log(), torch.log1p(-u))

    def rsample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """The same, differentiable in the parameters of a continuous base and in the ends."""
        return self._with_gradient(self.sample(sample_shape))

    def _with_gradient(self, x: Tensor) -> Tensor:
        """Quantiles with the derivatives that they have at a fixed probability."""
        log_cdf, log_1mcdf = _truncated_tails(self, x)
        if not log_cdf.requires_grad:
            return x
        with torch.no_grad():
            right = log_1mcdf < log_cdf
            log_prob = self.log_prob(x)
            # dx/dtheta = -(d log F/dtheta) F/f, or the same with the upper tail.
            weight = (torch.where(right, log_1mcdf, log_cdf) - log_prob).exp()
            weight = torch.where(right, weight, -weight)
        surrogate = torch.where(right, log_1mcdf, log_cdf)
        return x + weight * (surrogate - surrogate.detach())


@register_tails(Truncated, lambda d, *logs: d._quantile(*logs))
def _truncated_tails(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    here = log_tails(d.base_dist, x)
    mass = d._log_mass
    lower = (log_between(d._low_tails, here) - mass).clamp(max=0.0)
    return lower, (log_between(here, d._high_tails) - mass).clamp(max=0.0)
