"""The documented path of :class:`TraceTailAdaptive_ELBO`."""

from __future__ import annotations

from pyro.infer.elbo.trace_tail_adaptive_elbo import TraceTailAdaptive_ELBO

__all__ = ["TraceTailAdaptive_ELBO"]
