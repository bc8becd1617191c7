"""The documented path of :class:`Trace_ELBO`."""

from __future__ import annotations

from pyro.infer.elbo.jit import JitTrace_ELBO
from pyro.infer.elbo.trace_elbo import Trace_ELBO

__all__ = ["JitTrace_ELBO", "Trace_ELBO"]
