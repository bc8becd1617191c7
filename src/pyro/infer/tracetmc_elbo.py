"""The documented path of :class:`TraceTMC_ELBO`."""

from __future__ import annotations

from pyro.infer.elbo.trace_tmc_elbo import TraceTMC_ELBO

__all__ = ["TraceTMC_ELBO"]
