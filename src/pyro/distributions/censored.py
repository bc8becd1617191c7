"""Any univariate distribution whose values are cut off at the ends of an interval."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.distributions.feasible import feasible_point
from pyro.distributions.interval_distribution import IntervalDistribution
from pyro.distributions.restricted_moments import mean_and_variance, quadrature, where_it_exists
from pyro.distributions.tails import log_tails
from pyro.distributions.truncated import Truncated
from pyro.ops.shapes import Numeric

_EMPTY = torch.Size()


class Censored(IntervalDistribution):
    r"""A univariate law seen through an instrument that reports nothing below a or above b.

    The value is :math:`\min(\max(X, a), b)`, so the ends are atoms and

    .. math:: p(x) = \begin{cases} P(X \le a) & x = a \\ f(x) & a < x < b \\ P(X \ge b) & x = b
        \end{cases}

    Censoring is left with ``low`` alone, right with ``high`` alone, and on both sides (interval
    censoring) with both.  The ends may be tensors, such as the time at which each patient left a
    study; infinite entries mean no end.  Atoms are logarithms of tails, accurate however small.
    Draws are not differentiable, because the atoms move with the parameters.

    See Klein and Moeschberger (2003), *Survival Analysis*, section 3.5.

    :param base_dist: A univariate distribution, continuous or over the integers, with an entry in
        ``tails`` or with a ``cdf``.
    :param low: The lower end :math:`a`, real, broadcasting with the base; None means no end.
    :param high: The upper end :math:`b`, real, at least ``low``; None means no end.
    :raises ValueError: if the base is not univariate, or the ends are out of order.

    Example::

        >>> d = dist.Censored(dist.Normal(0.0, 1.0), high=40.0)
        >>> d.log_prob(torch.tensor([1.0, 40.0]))
        tensor([  -1.4189, -804.6085])
    """

    has_rsample = False

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """A draw of the base, moved to the nearest value inside."""
        return self._ends.clamp(self.base_dist.sample(torch.Size(sample_shape)))

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``: a log density inside, a log mass at the ends."""
        value = self._scored(value)
        low, high = self._ends
        at_low = None if low is None else value <= low
        at_high = None if high is None else value >= high
        inner = value
        for atom in (at_low, at_high):
            if atom is not None:
                inner = torch.where(atom, self._harmless(value), inner)
        log_prob: Tensor = self.base_dist.log_prob(inner)
        if low is not None and at_low is not None:
            log_prob = torch.where(at_low, log_tails(self.base_dist, low)[0], log_prob)
        if at_high is not None:
            log_prob = torch.where(at_high, self._ends.tails_above(self.base_dist), log_prob)
        return log_prob if self._validate_args else self._ends.restrict(log_prob, value)

    def _harmless(self, value: Tensor) -> Tensor:
        point = feasible_point(self.base_dist.support, value)
        return torch.zeros_like(value) if point is None else point

    def cdf(self, value: Numeric) -> Tensor:
        """The base's, one from the upper end on and zero below the lower one."""
        value = self._scored(value)
        cdf = log_tails(self.base_dist, value)[0].exp()
        if self.low is not None:
            cdf = torch.where(value < self.low, 0.0, cdf)
        return cdf if self.high is None else torch.where(value >= self.high, 1.0, cdf)

    @property
    def mean(self) -> Tensor:
        """By quadrature between the ends, differentiable."""
        return self._moments()[0]

    @property
    def variance(self) -> Tensor:
        """By quadrature between the ends, differentiable."""
        return self._moments()[1]

    def _moments(self) -> tuple[Tensor, Tensor]:
        base, (low, high) = self.base_dist, self._ends
        if base.support.is_discrete:
            points, weights = quadrature(Truncated(base, validate_args=False))
            return mean_and_variance(self._ends.clamp(points), weights)
        inner = Truncated(base, low, high, validate_args=False)
        mass = inner._log_mass.exp()
        points, weights = (torch.where(mass > 0, part, 0.0) for part in quadrature(inner))
        atoms = [(low, log_tails(base, low)[0])] if low is not None else []
        atoms += [(high, self._ends.tails_above(base))] if high is not None else []
        points = torch.cat([points, *(end.unsqueeze(0) for end, _ in atoms)])
        weights = torch.cat([weights * mass, *(log_p.exp().unsqueeze(0) for _, log_p in atoms)])
        mean, variance = mean_and_variance(torch.where(weights > 0, points, 0.0), weights)
        return where_it_exists(mean, self, "mean"), where_it_exists(variance, self, "variance")
