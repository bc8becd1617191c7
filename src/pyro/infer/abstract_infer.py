"""The documented path of trace posteriors."""

from __future__ import annotations

from pyro.infer.empirical_marginal import EmpiricalMarginal, Marginals
from pyro.infer.trace_posterior import TracePosterior, TracePredictive

__all__ = ["EmpiricalMarginal", "Marginals", "TracePosterior", "TracePredictive"]
