"""Markov chain Monte Carlo."""

from pyro.infer.mcmc.adaptation.arrowhead_mass_matrix import ArrowheadMassMatrix
from pyro.infer.mcmc.adaptation.block_mass_matrix import BlockMassMatrix
from pyro.infer.mcmc.api import MCMC
from pyro.infer.mcmc.chees import ChEES
from pyro.infer.mcmc.hmc import HMC
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel
from pyro.infer.mcmc.nuts import NUTS
from pyro.infer.mcmc.results.stored_draws import StoredDraws
from pyro.infer.mcmc.rwkernel import RandomWalkKernel
from pyro.infer.mcmc.streaming_mcmc import StreamingMCMC
from pyro.infer.model.initialized_model import initialize_model

__all__ = [
    "HMC",
    "MCMC",
    "NUTS",
    "ArrowheadMassMatrix",
    "BlockMassMatrix",
    "ChEES",
    "MCMCKernel",
    "RandomWalkKernel",
    "StoredDraws",
    "StreamingMCMC",
    "initialize_model",
]
