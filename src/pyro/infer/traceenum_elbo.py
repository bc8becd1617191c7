"""The documented path of :class:`TraceEnum_ELBO`."""

from __future__ import annotations

from pyro.infer.elbo.jit import JitTraceEnum_ELBO
from pyro.infer.elbo.trace_enum_elbo import TraceEnum_ELBO

__all__ = ["JitTraceEnum_ELBO", "TraceEnum_ELBO"]
