"""The documented path of the guides that run the model."""

from __future__ import annotations

from pyro.infer.autoguide.auto_hierarchical_normal_messenger import (
    AutoHierarchicalNormalMessenger,
)
from pyro.infer.autoguide.auto_messenger import AutoMessenger
from pyro.infer.autoguide.auto_normal_messenger import AutoNormalMessenger
from pyro.infer.autoguide.auto_regressive_messenger import AutoRegressiveMessenger

__all__ = [
    "AutoHierarchicalNormalMessenger",
    "AutoMessenger",
    "AutoNormalMessenger",
    "AutoRegressiveMessenger",
]
