"""Time of the log density of a long sequence under a hidden Markov model, and of its gradient.

The states of ``GaussianHMM`` are vectors of four entries, of which two combinations are observed,
or numbers; ``DiscreteHMM`` has eight states with normal observations. All parameters are common to
all times. A run is one ``log_prob`` with the gradient with respect to all parameters.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from harness.timing import THREADS, Case, emit, measure
from torch import Tensor

import pyro
import pyro.distributions as dist

torch.set_num_threads(THREADS)
pyro.set_rng_seed(0)

LENGTHS = (1_000, 10_000)
CHECKS: dict[str, float] = {}


def gaussian(hidden: int, seen: int, length: int) -> tuple[Callable[[], Tensor], list[Tensor]]:
    """A state that turns and decays, and noisy views of it."""
    turn = 0.9 * torch.linalg.qr(torch.randn(hidden, hidden))[0]
    view, data = torch.randn(hidden, seen), torch.randn(length, seen)
    drift, blur = torch.full((hidden,), 0.3), torch.full((seen,), 0.8)
    first = dist.MultivariateNormal(torch.zeros(hidden), torch.eye(hidden))

    def log_prob() -> Tensor:
        model = dist.GaussianHMM(
            first,
            turn,
            dist.MultivariateNormal(torch.zeros(hidden), scale_tril=drift.diag_embed()),
            view,
            dist.Normal(torch.zeros(seen), blur).to_event(1),
            duration=length,
        )
        return model.log_prob(data)

    return log_prob, [turn, view, drift, blur]


def discrete(states: int, length: int) -> tuple[Callable[[], Tensor], list[Tensor]]:
    """States that mostly stay, each with a level of its own."""
    first, moves = torch.zeros(states), 3 * torch.eye(states)
    levels, data = torch.linspace(-2.0, 2.0, states), torch.randn(length)

    def log_prob() -> Tensor:
        model = dist.DiscreteHMM(first, moves, dist.Normal(levels, 1.0), duration=length)
        return model.log_prob(data)

    return log_prob, [first, moves, levels]


def case(name: str, log_prob: Callable[[], Tensor], parameters: list[Tensor]) -> Case:
    """One value with its gradient."""
    for parameter in parameters:
        parameter.requires_grad_()

    def run() -> None:
        value = log_prob()
        torch.autograd.grad(value, parameters)
        CHECKS[name] = value.item()

    return Case(run)


if __name__ == "__main__":
    cases: dict[str, Case] = {}
    for length in LENGTHS:
        for hidden, seen in ((4, 2), (1, 1)):
            name = f"GaussianHMM, {hidden} hidden, {length} steps"
            cases[name] = case(name, *gaussian(hidden, seen, length))
        name = f"DiscreteHMM, 8 states, {length} steps"
        cases[name] = case(name, *discrete(8, length))
    emit("log_prob + grad", measure(cases, repeats=15), pyro.__version__, CHECKS)
