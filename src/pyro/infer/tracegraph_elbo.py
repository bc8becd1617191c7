"""The documented path of :class:`TraceGraph_ELBO`."""

from __future__ import annotations

from pyro.infer.elbo.jit import JitTraceGraph_ELBO
from pyro.infer.elbo.trace_graph_elbo import TraceGraph_ELBO

__all__ = ["JitTraceGraph_ELBO", "TraceGraph_ELBO"]
