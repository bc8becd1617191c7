"""The documented path of autoregressive networks."""

from __future__ import annotations

from pyro.nets.autoregressive import AutoRegressiveNN, ConditionalAutoRegressiveNN
from pyro.nets.masked_linear import MaskedLinear

__all__ = ["AutoRegressiveNN", "ConditionalAutoRegressiveNN", "MaskedLinear"]
