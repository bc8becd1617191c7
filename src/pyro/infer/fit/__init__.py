"""Runs of SVI: steps, and what surrounds them."""

from __future__ import annotations

from pyro.infer.fit.result import SVIResult

__all__ = ["SVIResult"]
