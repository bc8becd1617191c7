"""Markov chain Monte Carlo."""

from pyro.infer.mcmc.api import MCMC
from pyro.infer.mcmc.chees import ChEES
from pyro.infer.mcmc.hmc import HMC
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel
from pyro.infer.mcmc.nuts import NUTS
from pyro.infer.mcmc.rwkernel import RandomWalkKernel
from pyro.infer.mcmc.stored_draws import StoredDraws

__all__ = ["HMC", "MCMC", "NUTS", "ChEES", "MCMCKernel", "RandomWalkKernel", "StoredDraws"]
