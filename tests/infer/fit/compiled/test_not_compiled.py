"""When steps are not made in machine code, and what is said about it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.distributions import constraints
from pyro.infer import SVI, DataParallel, Trace_ELBO


class Counting:
    """A model that changes with the number of its runs."""

    def __init__(self, last: int) -> None:
        self.runs, self.last = 0, last

    def __call__(self) -> None:
        self.runs += 1
        sd = 1.0 if self.runs < self.last else 2.0
        pyro.sample("z", dist.Normal(0.0, sd))


def normal_guide() -> None:
    pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(1.0)), 1.0))


def branching() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    if z > 0:
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor(1.0))


def averaged_guide() -> None:
    p = pyro.param("p", torch.tensor(0.5), constraint=constraints.unit_interval)
    pyro.sample("z", dist.Bernoulli(p), infer={"baseline": {"use_decaying_avg_baseline": True}})


def flip() -> None:
    pyro.sample("z", dist.Bernoulli(0.3))


def stateful() -> Callable[[], None]:
    memory = torch.zeros(())

    def program() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        memory.add_(z.detach())
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor(1.0))

    return program


def adam() -> Any:
    return optim.Adam({"lr": 0.01})


@pytest.mark.parametrize(
    ("model", "guide", "loss", "make", "reason"),
    [
        (branching, normal_guide, Trace_ELBO, adam, r"depends on the value.*test_not_compiled"),
        (Counting(4), normal_guide, Trace_ELBO, adam, "in machine code and in torch differ: "),
        (
            Counting(5),
            normal_guide,
            Trace_ELBO,
            adam,
            "in machine code and in torch differ after 64 steps",
        ),
        (flip, averaged_guide, Trace_ELBO, adam, "a baseline is an average over steps"),
        (stateful(), normal_guide, Trace_ELBO, adam, r"changes a tensor.*test_not_compiled"),
        (
            Counting(99),
            normal_guide,
            lambda: DataParallel(Trace_ELBO()),
            adam,
            "DataParallel computes",
        ),
        (
            branching,
            normal_guide,
            Trace_ELBO,
            lambda: optim.Adadelta({}),
            "depends on the value|Adadelta",
        ),
        (
            Counting(99),
            normal_guide,
            Trace_ELBO,
            lambda: optim.Adadelta({}),
            "Adadelta is an optimiser without machine code",
        ),
    ],
)
def test_otherwise_steps_are_made_in_torch_and_it_says_why(
    model: Any, guide: Any, loss: Any, make: Any, reason: str, caplog: Any
) -> None:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    logging.getLogger("pyro").addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, "pyro"):
            result = SVI(model, guide, make(), loss()).run(130, progress=False)
    finally:
        logging.getLogger("pyro").removeHandler(caplog.handler)
    assert result.num_steps == 130 and result.why_not_compiled is not None
    assert re.search(reason, result.why_not_compiled)
    assert sum("makes its steps in torch" in r.message for r in caplog.records) == 1
