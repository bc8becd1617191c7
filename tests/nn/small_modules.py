"""What the tests of modules share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pyro import poutine
from pyro.nn import PyroModule

LOCAL = pytest.mark.parametrize("local", [False, True], ids=["store", "local"])


class Scaled(PyroModule):
    """A module with one parameter, which it returns."""

    def __init__(self, name: str = "", size: int = 2) -> None:
        super().__init__(name)
        self.w = nn.Parameter(torch.zeros(size))

    def forward(self) -> Tensor:
        return self.w


def sites(fn: Any, *args: Any, kind: str = "param") -> list[str]:
    """The names of the sites of a type in a run."""
    nodes = poutine.trace(fn).get_trace(*args).nodes
    return [name for name, site in nodes.items() if site["type"] == kind]
