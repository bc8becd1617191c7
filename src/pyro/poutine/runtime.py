"""The documented path of the effect stack; see :mod:`pyro.runtime`."""

from __future__ import annotations

from pyro.runtime import (
    Message,
    NonlocalExit,
    StackView,
    am_i_wrapped,
    apply_stack,
    effectful,
    get_mask,
    get_plates,
)

_PYRO_STACK = StackView()

__all__ = [
    "_PYRO_STACK",
    "Message",
    "NonlocalExit",
    "am_i_wrapped",
    "apply_stack",
    "effectful",
    "get_mask",
    "get_plates",
]
