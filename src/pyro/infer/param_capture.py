"""Which parameters a run of a program touches."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyro.poutine.messenger import Messenger
from pyro.runtime import Message


class ParamCapture(Messenger):
    """Collect the unconstrained leaf of each ``pyro.param`` statement, by name.

    Values that another handler put in the place of a parameter have no leaf and are left out.
    """

    def __init__(self) -> None:
        self.leaves: dict[str, Tensor] = {}

    def __enter__(self) -> ParamCapture:
        super().__enter__()
        return self

    def _pyro_post_param(self, msg: Message) -> None:
        reference: Any = getattr(msg["value"], "unconstrained", None)
        if reference is not None:
            self.leaves[msg["name"]] = reference()
