"""Inference algorithms."""

from __future__ import annotations

from pyro.infer.elbo.elbo import ELBO
from pyro.infer.elbo.trace_elbo import Trace_ELBO
from pyro.infer.svi import SVI
from pyro.infer.validation import enable_validation, is_validation_enabled

__all__ = ["ELBO", "SVI", "Trace_ELBO", "enable_validation", "is_validation_enabled"]
