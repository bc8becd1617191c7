"""Which parameters a run of a program touches."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyro.poutine.messenger import Messenger
from pyro.runtime import Message


class ParamCapture(Messenger):
    """Collect the unconstrained leaf of each ``pyro.param`` statement, by name.

    Values that another handler put in the place of a parameter have no leaf and are left out. Two
    leaves of one name, of modules that keep their parameters out of the store, are both collected:
    the second as ``name#2``, in the order in which they are first read.
    """

    def __init__(self) -> None:
        self.leaves: dict[str, Tensor] = {}

    def __enter__(self) -> ParamCapture:
        super().__enter__()
        return self

    def _pyro_post_param(self, msg: Message) -> None:
        reference: Any = getattr(msg["value"], "unconstrained", None)
        if reference is None:
            return
        leaf = reference()
        name, count = msg["name"], 1
        while self.leaves.setdefault(name, leaf) is not leaf:
            count += 1
            name = f"{msg['name']}#{count}"
