"""The suites, by name."""

from . import chains, density, mcmc, svi

SUITES = {module.SUITE.name: module.SUITE for module in (density, mcmc, svi, chains)}
