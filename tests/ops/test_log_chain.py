"""Chains summed out step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import config_enumerate
from pyro.infer.model.density import ModelDensity
from pyro.ops.contract import FactorSpec, Variable, chain, find_chain, loops_are_cheap
from pyro.ops.log_chain import LONG, SMALL, log_chain
from tests.compile.eager import check, with_gradients
from tests.compile.programs import real

NEVER = -torch.inf


def unrolled(start: Tensor, factors: Tensor) -> Tensor:
    for factor in factors:
        start = (start.unsqueeze(-1) + factor).logsumexp(0)
    return start


def inputs(blocked: bool, steps: int = 5) -> tuple[Tensor, Tensor]:
    start, factors = real(3), real(steps, 3, 3, seed=1)
    if blocked:
        start[1] = NEVER
        factors[2, 0] = NEVER
        factors[3, :, 2] = NEVER  # nothing leads to the last state
    return start, factors


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("steps", [5, 64, 71, 82])
def test_it_is_the_recursion(blocked: bool, steps: int) -> None:
    given = inputs(blocked, steps)
    torch.testing.assert_close(log_chain(*given), unrolled(*given))
    weights = torch.tensor([1.0, -2.0, 0.0 if blocked else 3.0], dtype=torch.float64)

    def gradients(fn: Callable[..., Tensor], *given: Tensor) -> tuple[Tensor, ...]:
        leaves = [x.clone().requires_grad_() for x in given]
        ends = fn(*leaves)
        return torch.autograd.grad((ends.masked_fill(ends == NEVER, 0.0) * weights).sum(), leaves)

    small = [x.clamp(min=-700) for x in given]  # torch has nan where nothing leads to a state
    for a, b in zip(gradients(log_chain, *given), gradients(unrolled, *small), strict=True):
        torch.testing.assert_close(a, b)


def test_many_states() -> None:
    given = real(SMALL + 1), real(LONG, SMALL + 1, SMALL + 1, seed=1)
    torch.testing.assert_close(log_chain(*given), unrolled(*given))


def test_compiled() -> None:
    report = check(with_gradients(lambda a, b: log_chain(a, b.sin()).exp()), inputs(False))
    assert report.loops < 12
    check(lambda a, b: [log_chain(a, b)], inputs(True))


def spec(*names: str) -> FactorSpec:
    return FactorSpec(names, (2,) * len(names), frozenset())


LINE = [spec(f"v{k}", f"v{k + 1}") for k in range(20)]


def found_with(
    factors: list[FactorSpec], count: int = 21, plates: frozenset[Any] = frozenset()
) -> Any:
    with loops_are_cheap():
        return find_chain(factors, [Variable(f"v{k}", plates) for k in range(count)])


def test_what_is_a_chain() -> None:
    assert found_with(LINE).names == tuple(f"v{k}" for k in range(21))
    assert found_with([*LINE, spec("v7"), spec("v8", "v7")]) is not None
    assert find_chain(LINE, [Variable(f"v{k}", frozenset()) for k in range(21)]) is None
    assert found_with([*LINE, spec("v20", "v0")]) is None  # a ring
    assert found_with([*LINE, spec("v3", "v9")]) is None
    assert found_with([*LINE, spec("v3", "v4", "v5")]) is None
    assert found_with(LINE[:10] + LINE[11:]) is None  # two of them
    assert found_with(LINE[:10], count=11) is None  # short
    assert found_with(LINE, plates=frozenset({"p"})) is None
    wide = FactorSpec(("v3",), (5,), frozenset())
    assert found_with([*LINE, wide]) is None


@config_enumerate
def model(seen: str) -> None:
    rows = pyro.sample("rows", dist.Dirichlet(torch.ones(3, 3)).to_event(1))
    locs = pyro.sample("locs", dist.Normal(torch.arange(3.0), 1.0).to_event(1))
    state: Any = 0
    for t in pyro.markov(range(25)):
        state = pyro.sample(f"state_{t}", dist.Categorical(rows[state]))
        times = {"all": 1, "some": t % 3, "end": int(t == 24), "none": 0}[seen]
        for k in range(times):
            pyro.sample(f"x_{t}_{k}", dist.Normal(locs[state], 1.0), obs=torch.tensor(t % 5 / 2))


@pytest.mark.parametrize("seen", ["all", "some", "end", "none"])
def test_models(seen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    density = ModelDensity(model, seen)
    x = torch.randn(density.dim, generator=torch.Generator().manual_seed(0))
    expected = density.value_and_grad(x)
    used: list[Any] = []
    original = chain.log_chain
    monkeypatch.setattr(chain, "log_chain", lambda *a: used.append(a) or original(*a))
    with loops_are_cheap():
        found = density.value_and_grad(x)
    assert used
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
