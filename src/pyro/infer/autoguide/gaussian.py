"""The documented path of :class:`AutoGaussian`."""

from __future__ import annotations

from pyro.infer.autoguide.auto_gaussian import AutoGaussian

__all__ = ["AutoGaussian"]
