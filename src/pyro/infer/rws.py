"""The documented path of :class:`ReweightedWakeSleep`."""

from __future__ import annotations

from pyro.infer.reweighted_wake_sleep import ReweightedWakeSleep

__all__ = ["ReweightedWakeSleep"]
