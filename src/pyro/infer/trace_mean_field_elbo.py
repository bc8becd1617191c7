"""The documented path of :class:`TraceMeanField_ELBO`."""

from __future__ import annotations

from pyro.infer.elbo.jit import JitTraceMeanField_ELBO
from pyro.infer.elbo.trace_mean_field_elbo import TraceMeanField_ELBO

__all__ = ["JitTraceMeanField_ELBO", "TraceMeanField_ELBO"]
