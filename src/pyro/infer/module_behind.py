"""The module that a program is, or is a method of."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch


def module_behind(program: Any) -> torch.nn.Module | None:
    """The module itself, the one that a program is a method of, or a handler around; or None.

    Example::

        >>> from pyro.infer.module_behind import module_behind
        >>> from functools import partial
        >>> layer = torch.nn.Linear(2, 1)
        >>> module_behind(partial(layer.forward, torch.ones(2))) is layer
        True
    """
    while program is not None:
        owner = getattr(program, "__self__", program)
        if isinstance(owner, torch.nn.Module):
            return owner
        program = getattr(program, "func" if isinstance(program, partial) else "__wrapped__", None)
    return None
