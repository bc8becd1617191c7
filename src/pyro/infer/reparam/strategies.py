"""The documented home of strategies: which reparameteriser for which site."""

from __future__ import annotations

from pyro.infer.reparam.auto import AutoReparam
from pyro.infer.reparam.minimal import MinimalReparam
from pyro.infer.reparam.strategy import Strategy

__all__ = ["AutoReparam", "MinimalReparam", "Strategy"]
