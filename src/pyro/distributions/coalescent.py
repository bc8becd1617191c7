"""The documented home of the coalescent."""

from __future__ import annotations

from pyro.distributions.coalescent_rate_likelihood import CoalescentRateLikelihood
from pyro.distributions.coalescent_times import CoalescentTimes
from pyro.distributions.coalescent_times_constraint import CoalescentTimesConstraint
from pyro.distributions.coalescent_times_with_rate import CoalescentTimesWithRate

__all__ = [
    "CoalescentRateLikelihood",
    "CoalescentTimes",
    "CoalescentTimesConstraint",
    "CoalescentTimesWithRate",
]
