"""The documented path of :class:`Trace_MMD`."""

from __future__ import annotations

from pyro.infer.elbo.trace_mmd import Trace_MMD

__all__ = ["Trace_MMD"]
