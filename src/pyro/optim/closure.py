"""The function that an optimiser may be given to evaluate the loss again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def evaluate(closure: Callable[[], Any] | None) -> Any:
    """Call a closure with gradients switched on; None if there is none."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
