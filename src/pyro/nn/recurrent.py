"""Recurrent networks whose weights may be random."""

from __future__ import annotations

from typing import Any

from torch import nn

from pyro.nn.mixin import register_adapter


def _flat_weights(module: nn.RNNBase) -> list[Any]:
    """Torch keeps a list of the weights; here they are read at each access, as attributes."""
    return [getattr(module, name, None) for name in module._flat_weights_names]


def _ignore(module: nn.RNNBase, value: Any) -> None:
    pass


def _no_update(module: nn.RNNBase) -> None:
    pass


register_adapter(
    nn.RNNBase,
    {"_flat_weights": property(_flat_weights, _ignore), "_update_flat_weights": _no_update},
)
