"""Evidence lower bounds, one objective per file."""

from __future__ import annotations

from pyro.infer.elbo.elbo import ELBO, Estimate
from pyro.infer.elbo.elbo_module import ELBOModule

__all__ = ["ELBO", "ELBOModule", "Estimate"]
