"""Functions that are made ahead of time are those that most programs of SVI call."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import torch
from pyro.compile import compile
from pyro.compile.math import library
from pyro.compile.warm_up import warm_up

warm_up().join()
made = set(library._LOADED)

def program(x):
    noise = torch.randn(8, dtype=torch.float64)
    return noise * x.exp() + x.log() + torch.nn.functional.softplus(x)

compile(program, torch.ones(8, dtype=torch.float64))
assert made and made == set(library._LOADED), (made, set(library._LOADED))
"""


def test_nothing_is_left_to_be_made() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
