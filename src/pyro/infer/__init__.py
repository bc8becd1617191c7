"""Inference algorithms.

What stands under ``TYPE_CHECKING`` is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.first_use import imports_on_first_use
from pyro.infer.config_enumerate import config_enumerate
from pyro.infer.elbo.elbo import ELBO
from pyro.infer.elbo.trace_elbo import Trace_ELBO
from pyro.infer.elbo.trace_mean_field_elbo import TraceMeanField_ELBO
from pyro.infer.empirical_marginal import EmpiricalMarginal
from pyro.infer.importance import Importance
from pyro.infer.predictive import (
    MHResampler,
    Predictive,
    WeighedPredictive,
    log_likelihood,
    posterior_mean,
    posterior_median,
)
from pyro.infer.svi import SVI
from pyro.infer.trace_posterior import TracePosterior, TracePredictive
from pyro.infer.validation import enable_validation, is_validation_enabled

if TYPE_CHECKING:
    from pyro.infer.csis import CSIS
    from pyro.infer.data_parallel import DataParallel
    from pyro.infer.discrete import TraceEnumSample_ELBO, infer_discrete
    from pyro.infer.elbo.jit import (
        JitTrace_ELBO,
        JitTraceEnum_ELBO,
        JitTraceGraph_ELBO,
        JitTraceMeanField_ELBO,
    )
    from pyro.infer.elbo.renyi_elbo import RenyiELBO
    from pyro.infer.elbo.trace_enum_elbo import TraceEnum_ELBO
    from pyro.infer.elbo.trace_graph_elbo import TraceGraph_ELBO
    from pyro.infer.elbo.trace_mmd import Trace_MMD
    from pyro.infer.elbo.trace_tail_adaptive_elbo import TraceTailAdaptive_ELBO
    from pyro.infer.elbo.trace_tmc_elbo import TraceTMC_ELBO
    from pyro.infer.energy_distance import EnergyDistance
    from pyro.infer.fit.result import SVIResult
    from pyro.infer.guide_report import GuideReport, guide_diagnostics
    from pyro.infer.mcmc import HMC, MCMC, NUTS, ChEES, RandomWalkKernel, StreamingMCMC
    from pyro.infer.model.compiled import compile_density
    from pyro.infer.pathfinding import PathfinderResult, pathfinder
    from pyro.infer.reweighted_wake_sleep import ReweightedWakeSleep
    from pyro.infer.stein_kernels import IMQSteinKernel, RBFSteinKernel
    from pyro.infer.svgd import SVGD

__all__ = [
    "CSIS",
    "ELBO",
    "HMC",
    "MCMC",
    "NUTS",
    "SVGD",
    "SVI",
    "ChEES",
    "DataParallel",
    "EmpiricalMarginal",
    "EnergyDistance",
    "GuideReport",
    "IMQSteinKernel",
    "Importance",
    "JitTraceEnum_ELBO",
    "JitTraceGraph_ELBO",
    "JitTraceMeanField_ELBO",
    "JitTrace_ELBO",
    "MHResampler",
    "PathfinderResult",
    "Predictive",
    "RBFSteinKernel",
    "RandomWalkKernel",
    "RenyiELBO",
    "ReweightedWakeSleep",
    "SVIResult",
    "StreamingMCMC",
    "TraceEnumSample_ELBO",
    "TraceEnum_ELBO",
    "TraceGraph_ELBO",
    "TraceMeanField_ELBO",
    "TracePosterior",
    "TracePredictive",
    "TraceTMC_ELBO",
    "TraceTailAdaptive_ELBO",
    "Trace_ELBO",
    "Trace_MMD",
    "WeighedPredictive",
    "compile_density",
    "config_enumerate",
    "enable_validation",
    "guide_diagnostics",
    "infer_discrete",
    "is_validation_enabled",
    "log_likelihood",
    "pathfinder",
    "posterior_mean",
    "posterior_median",
]

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "CSIS": "csis",
        "DataParallel": "data_parallel",
        "EnergyDistance": "energy_distance",
        "GuideReport": "guide_report",
        "IMQSteinKernel": "stein_kernels",
        "JitTraceEnum_ELBO": "elbo.jit",
        "JitTraceGraph_ELBO": "elbo.jit",
        "JitTraceMeanField_ELBO": "elbo.jit",
        "JitTrace_ELBO": "elbo.jit",
        "RBFSteinKernel": "stein_kernels",
        "RenyiELBO": "elbo.renyi_elbo",
        "ChEES": "mcmc",
        "HMC": "mcmc",
        "MCMC": "mcmc",
        "NUTS": "mcmc",
        "RandomWalkKernel": "mcmc",
        "compile_density": "model.compiled",
        "PathfinderResult": "pathfinding",
        "pathfinder": "pathfinding",
        "ReweightedWakeSleep": "reweighted_wake_sleep",
        "SVGD": "svgd",
        "SVIResult": "fit.result",
        "StreamingMCMC": "mcmc",
        "TraceEnumSample_ELBO": "discrete",
        "TraceEnum_ELBO": "elbo.trace_enum_elbo",
        "TraceGraph_ELBO": "elbo.trace_graph_elbo",
        "TraceTMC_ELBO": "elbo.trace_tmc_elbo",
        "TraceTailAdaptive_ELBO": "elbo.trace_tail_adaptive_elbo",
        "Trace_MMD": "elbo.trace_mmd",
        "guide_diagnostics": "guide_report",
        "infer_discrete": "discrete",
    }.__getitem__,
)
