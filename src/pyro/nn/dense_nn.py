"""The documented path of dense networks."""

from __future__ import annotations

from pyro.nets.dense import ConditionalDenseNN, DenseNN

__all__ = ["ConditionalDenseNN", "DenseNN"]
