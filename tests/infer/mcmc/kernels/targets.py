"""Densities of which everything is known: values, gradients, and exact draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from pyro.infer.mcmc.engines.task import Task
from pyro.infer.mcmc.trajectories import Kind, Trajectories


@dataclass
class Target:
    """A log density with exact draws; ``flat`` and ``reference`` make it a posterior of sorts."""

    dim: int
    log_density: Callable[[Tensor], Tensor]
    draw: Callable[[int], Tensor]
    dtype: torch.dtype = torch.double

    flat: Any = None

    @property
    def reference(self) -> Tensor:
        return torch.zeros((), dtype=self.dtype)

    def value(self, x: Tensor) -> Tensor:
        return self.log_density(x)

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        leaf = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            value = self.log_density(leaf)
            (grad,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), grad


def normal(scales: Tensor, dtype: torch.dtype = torch.double) -> Target:
    scales = scales.to(dtype)
    dim = len(scales)
    return Target(
        dim,
        lambda x: -0.5 * (x / scales).square().sum(-1),
        lambda n: torch.randn(n, dim, dtype=dtype) * scales,
        dtype,
    )


def correlated(rho: float = 0.9) -> Target:
    covariance = torch.tensor([[1.0, 2 * rho], [2 * rho, 4.0]], dtype=torch.double)
    precision, factor = covariance.inverse(), torch.linalg.cholesky(covariance)
    return Target(
        2,
        lambda x: -0.5 * ((x @ precision) * x).sum(-1),
        lambda n: torch.randn(n, 2, dtype=torch.double) @ factor.T,
    )


def banana() -> Target:
    def draw(n: int) -> Tensor:
        x = torch.randn(n, dtype=torch.double)
        return torch.stack((x, x.square() + torch.randn(n, dtype=torch.double)), -1)

    return Target(2, lambda x: -0.5 * (x[..., 0] ** 2 + (x[..., 1] - x[..., 0] ** 2) ** 2), draw)


def student(freedom: float = 4.0) -> Target:
    law = torch.distributions.StudentT(torch.tensor(freedom, dtype=torch.double))
    return Target(1, lambda x: law.log_prob(x).sum(-1), lambda n: law.sample((n, 1)))


TARGETS: dict[str, Callable[[], Target]] = {
    "normal": lambda: normal(torch.tensor([0.5, 1.0, 2.0])),
    "correlated": correlated,
    "banana": banana,
    "student": student,
}


def trajectories(kind: Kind, **options: Any) -> Trajectories:
    settings: dict[str, Any] = {
        "step_size": 0.5,
        "adapt_step_size": True,
        "adapt_mass_matrix": True,
        "full_mass": False,
        "target_accept_prob": {"walk": 0.234, "chees": 0.651}.get(kind, 0.8),
        "trajectory_length": {"hmc": 1.5, "chees": 1.0}.get(kind),
    }
    return Trajectories(kind=kind, **(settings | options))


def task(target: Target, kind: Kind, chains: int, warmup: int, draws: int, **options: Any) -> Task:
    seed, thinning = options.pop("seed", 5), options.pop("thinning", 1)
    starts = options.pop("starts", None)
    first = options.pop("first_chain", 0)
    return Task(
        posterior=target,
        trajectories=trajectories(kind, **options),
        starts=torch.randn(chains, target.dim).double() if starts is None else starts,
        seed=seed,
        warmup=warmup,
        draws=draws,
        thinning=thinning,
        first_chain=first,
    )


def named(*blocks: tuple[str, int, int]) -> Any:
    """The places of sites, as a posterior's ``flat`` has them."""
    return SimpleNamespace(places={name: slice(start, stop) for name, start, stop in blocks})
