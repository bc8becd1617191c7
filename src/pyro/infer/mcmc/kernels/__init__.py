"""Transition kernels for many chains as one batch: pure functions over ``[chains, dim]``."""

from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.metric import DenseMetric, DiagonalMetric, Metric, identity

__all__ = [
    "ChainGenerator",
    "DenseMetric",
    "DiagonalMetric",
    "Finished",
    "Metric",
    "identity",
]
