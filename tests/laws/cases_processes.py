"""Cases of processes: random walks, autoregressions, fields over graphs and over inputs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row


@dataclass(frozen=True)
class RBF:
    """A smooth kernel over numbers."""

    lengthscale: Tensor

    def __call__(self, x: Tensor, z: Tensor) -> Tensor:
        steps = (x.unsqueeze(-1) - z) / self.lengthscale[..., None, None]
        return (-0.5 * steps.square()).exp()


def gaussian_process(lengthscale: Tensor, noise: Tensor) -> dist.GaussianProcess:
    """Values at three inputs."""
    inputs = torch.tensor([0.0, 0.5, 2.0], dtype=lengthscale.dtype)
    return dist.GaussianProcess(RBF(lengthscale), inputs, torch.sin, noise)


# two components, of which one is a triangle with a tail
GRAPH = [
    [0, 1, 1, 0, 0, 0],
    [1, 0, 1, 0, 0, 0],
    [1, 1, 0, 1, 0, 0],
    [0, 0, 1, 0, 0, 0],
    [0, 0, 0, 0, 0, 2],
    [0, 0, 0, 0, 2, 0],
]
WITH_ISLAND = [[0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]]

PROCESSES: list[Case] = [
    row("random-walk", "GaussianRandomWalk", static=["num_steps"], scale=0.7, num_steps=5),
    row("random-walk-one", "GaussianRandomWalk", static=["num_steps"], scale=0.7, num_steps=1),
    row(
        "random-walk-from",
        "GaussianRandomWalk",
        static=["num_steps", "init_dist"],
        scale=0.7,
        num_steps=4,
        drift=0.3,
        init_dist=dist.Normal(2.0, 0.5),
    ),
    row("ar1", "AutoRegressive", static=["num_steps"], coefficients=[0.8], scale=0.7, num_steps=5),
    row(
        "ar3",
        "AutoRegressive",
        static=["num_steps"],
        coefficients=[0.5, -0.3, 0.2],
        scale=0.7,
        num_steps=6,
        constant=0.4,
    ),
    row(
        "ar2-explosive",
        "AutoRegressive",
        static=["num_steps", "init_dist"],
        coefficients=[0.9, 0.3],
        scale=0.7,
        num_steps=4,
        init_dist=dist.Normal(1.0, 0.5),
    ),
    row(
        "car",
        "CAR",
        static=["adj_matrix"],
        loc=[0.0, 1.0, 2.0, -1.0, 0.5, 0.3],
        correlation=0.8,
        conditional_precision=2.0,
        adj_matrix=GRAPH,
    ),
    row(
        "car-edges",
        "CAR",
        static=["adj_matrix", "is_sparse"],
        loc=[0.0, 1.0, 2.0, -1.0, 0.5, 0.3],
        correlation=-0.5,
        conditional_precision=2.0,
        adj_matrix=GRAPH,
        is_sparse=True,
    ),
    row(
        "icar-soft",
        "ICAR",
        static=["W", "zero_sum_stdev"],
        W=WITH_ISLAND,
        sigma=1.3,
        zero_sum_stdev=0.1,
    ),
    row(
        "icar-exact",
        "ICAR",
        static=["W", "zero_sum_stdev"],
        W=[[0, 1, 0], [1, 0, 1], [0, 1, 0]],
        sigma=1.3,
        zero_sum_stdev=0,
    ),
    row(
        "icar-exact-islands",
        "ICAR",
        static=["W", "zero_sum_stdev"],
        W=WITH_ISLAND,
        sigma=1.3,
        zero_sum_stdev=0,
    ),
    Case(
        "gaussian-process",
        gaussian_process,
        {"lengthscale": 0.8, "noise": [0.1, 0.2, 0.3]},
        event_dims={"noise": 1},
    ),
]
