"""What enumeration costs: memory for gradients, dims, plans."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer import TraceEnum_ELBO, config_enumerate
from pyro.ops.contract import make_plan


@config_enumerate
def chain(length: int, states: int) -> None:
    moves = pyro.param("moves", torch.ones(states, states) + torch.eye(states))
    moves = moves / moves.sum(-1, keepdim=True)
    state: Any = 0
    for t in pyro.markov(range(length)):
        state = pyro.sample(f"state_{t}", dist.Categorical(moves[state]))
        pyro.sample(f"x_{t}", dist.Normal(1.0 * state, 1.0), obs=torch.tensor(0.5))


def no_guide(length: int, states: int) -> None:
    """All is summed out."""


def saved_bytes(length: int, states: int) -> int:
    """The memory of all that is kept for the gradient."""
    storages: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)
        return tensor

    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        TraceEnum_ELBO(max_plate_nesting=0).differentiable_loss(chain, no_guide, length, states)
    return sum(storages.values())


@pytest.mark.parametrize("states", [2, 8, 40])
def test_memory_grows_linearly_with_the_length_of_a_chain(states: int) -> None:
    short, long = saved_bytes(64, states), saved_bytes(256, states)
    assert 3.0 < long / short < 5.0


def test_a_chain_of_a_thousand_steps_works() -> None:
    loss = TraceEnum_ELBO(max_plate_nesting=0).loss(chain, no_guide, 1000, 3)
    assert 500 < loss < 5000


def test_a_plan_is_made_once_for_all_steps_of_a_fit() -> None:
    elbo = TraceEnum_ELBO(max_plate_nesting=0)
    elbo.loss(chain, no_guide, 20, 2)
    misses = make_plan.cache_info().misses
    for _ in range(3):
        elbo.loss(chain, no_guide, 20, 2)
    assert make_plan.cache_info().misses == misses
