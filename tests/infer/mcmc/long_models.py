"""Models for tests of long runs; a module, so that other processes can import them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer.mcmc import MCMCKernel

DATA = torch.tensor([2.0, 3.0, 4.0])


def normal(data: Tensor = DATA) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    pyro.deterministic("twice", 2 * loc)
    with pyro.plate("data", len(data)):
        pyro.sample("y", dist.Normal(loc, scale), obs=data)


def branching() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(x if x > -1e9 else -x, 1.0), obs=torch.tensor(1.0))


def deadly(once: str, parent: int) -> None:
    """The same, in a process that dies when it is not the parent; once."""
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(x if x > -1e9 else -x, 1.0), obs=torch.tensor(1.0))
    die_once(once, parent, x > 1)


def die_once(once: str, parent: int, now: bool = True) -> None:
    if os.getpid() != parent and now and not Path(once).exists():
        Path(once).touch()
        os.kill(os.getpid(), signal.SIGKILL)


class Walk(MCMCKernel):
    """Metropolis steps for a standard normal density."""

    def __init__(self, stop_at: int = -1) -> None:
        self.initial_params = {"x": torch.zeros(())}
        self._stop_at = stop_at
        self._made = 0

    def sample(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        self._made += 1
        if self._made == self._stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        x = params["x"]
        y = x + torch.randn(())
        accept = torch.rand(()) < ((x**2 - y**2) / 2).exp()
        return {"x": torch.where(accept, y, x)}


class Failing(Walk):
    """A kernel that cannot go on."""

    def sample(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        raise ArithmeticError("out of numbers")


class Dying(Walk):
    """A kernel whose process dies in the middle of a chain; once."""

    def __init__(self, once: str) -> None:
        super().__init__()
        self._once, self._parent = once, os.getpid()

    def sample(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        params = super().sample(params)
        die_once(self._once, self._parent, self._made == 10)
        return params
