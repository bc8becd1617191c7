"""Adaptation for kernels of one's own: step size and mass matrix in Stan's windows."""

from pyro.infer.mcmc.adaptation.arrowhead_mass_matrix import ArrowheadMassMatrix
from pyro.infer.mcmc.adaptation.block_mass_matrix import BlockMassMatrix
from pyro.infer.mcmc.adaptation.warmup_adapter import WarmupAdapter

__all__ = ["ArrowheadMassMatrix", "BlockMassMatrix", "WarmupAdapter"]
