"""Rows of the table of distributions: sequences and genealogies."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row

_MOVES = [[0.0, -1.0, -torch.inf], [0.5, 0.0, 1.0], [0.0, 0.3, 2.0]]


def _discrete_hmm(loc: Tensor) -> dist.DiscreteHMM:
    moves = torch.tensor(_MOVES, dtype=loc.dtype)
    noise = dist.Normal(loc.unsqueeze(-2), torch.ones_like(loc).unsqueeze(-2))
    return dist.DiscreteHMM(torch.zeros_like(loc), moves, noise, duration=4)


def _independent_hmm(loc: Tensor) -> dist.IndependentHMM:
    """Two components."""
    moves = torch.tensor(_MOVES, dtype=loc.dtype)
    centers = loc[..., None, None, :, None] + loc.new_tensor([0.0, 1.0])[:, None, None, None]
    noise = dist.Normal(centers, 1.0).to_event(1)
    base = dist.DiscreteHMM(loc.new_zeros(3), moves, noise, duration=4)
    return dist.IndependentHMM(base)


SEQUENCE: list[Case] = [
    Case("discrete-hmm", _discrete_hmm, {"loc": [0.0, 1.0, 3.0]}, event_dims={"loc": 1}),
    Case("independent-hmm", _independent_hmm, {"loc": [0.0, 1.0, 3.0]}, event_dims={"loc": 1}),
    row("coalescent", "CoalescentTimes", leaf_times=[0.0, 0.7, 0.1, -1.0], rate=1.5),
    row(
        "coalescent-with-rate",
        "CoalescentTimesWithRate",
        leaf_times=[0.3, 2.1, 3.7, 2.9, 1.2],
        rate_grid=[0.5, 1.0, 2.0, 0.7],
    ),
]
