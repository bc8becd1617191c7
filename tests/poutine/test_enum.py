"""Dims of enumerated sites: fresh ones outside markov, recycled ones inside."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import HandlerError
from pyro.primitives import markov, plate, sample

PARALLEL: dict[str, Any] = {"enumerate": "parallel"}


def draw(name: str, fn: Any, **infer: Any) -> torch.Tensor:
    value: torch.Tensor = sample(name, fn, infer={**PARALLEL, **infer})
    return value


def dims(fn: Any, first: int = -2) -> dict[str, int]:
    trace = poutine.trace(poutine.enum(fn, first_available_dim=first)).get_trace()
    sites = {name: s["infer"] for name, s in trace.nodes.items() if s["type"] == "sample"}
    return {n: infer["_enumerate_dim"] for n, infer in sites.items() if "_enumerate_dim" in infer}


def chain(length: int, history: int) -> Any:
    """A Markov chain whose transitions depend on the last ``history`` states."""

    def model() -> None:
        past = [torch.tensor(0)] * history
        for t in markov(range(length), history=history):
            logits = torch.zeros(3) + 0.1 * sum(past).unsqueeze(-1) if history else torch.zeros(3)
            x = draw(f"x_{t}", dist.Categorical(logits=logits))
            past = [*past[1:], x] if history else []

    return model


def test_values_and_ids() -> None:
    def model() -> None:
        with plate("p", 4):
            a = draw("a", dist.Bernoulli(0.5))
            assert a.shape == (2, 1)
            b = draw("b", dist.Categorical(torch.ones(4, 3)))
            assert b.shape == (3, 1, 1)
            c = draw("c", dist.Categorical(torch.ones(4, 3)), expand=True)
            assert c.shape == (3, 1, 1, 4)
            d = draw("d", dist.Normal(a, 1.0), num_samples=7)
            assert d.shape == (7, 1, 1, 1, 4)  # each draw is made given one value of a
            e = draw("e", dist.OneHotCategorical(torch.ones(5)))
            assert e.shape == (5, 1, 1, 1, 1, 1, 5)
        sample("f", dist.Categorical(torch.ones(2)))

    trace = poutine.trace(poutine.enum(model, first_available_dim=-2)).get_trace()
    infer = {name: trace.nodes[name]["infer"] for name in "abcdef"}
    assert [infer[name]["_enumerate_dim"] for name in "abcde"] == [-2, -3, -4, -5, -6]
    assert infer["c"]["_dim_to_id"] == {-2: 0, -3: 1, -4: 2}
    assert "_enumerate_dim" not in infer["f"] and trace.nodes["f"]["value"].shape == ()


def test_observed_and_replayed_sites_are_left_alone() -> None:
    def model() -> None:
        sample("a", dist.Bernoulli(0.5), obs=torch.tensor(1.0), infer=PARALLEL)
        draw("b", dist.Bernoulli(0.5))

    first = poutine.trace(model).get_trace()
    trace = poutine.trace(
        poutine.enum(poutine.replay(model, trace=first), first_available_dim=-1)
    ).get_trace()
    assert trace.nodes["a"]["value"].shape == trace.nodes["b"]["value"].shape == ()


@pytest.mark.parametrize("history", [0, 1, 2, 3])
def test_markov_recycles_dims(history: int) -> None:
    found = dims(chain(8, history))
    assert set(found.values()) == {-2 - i for i in range(history + 1)}
    for t in range(8 - history):
        window = [found[f"x_{t + i}"] for i in range(history + 1)]
        assert len(set(window)) == history + 1


def test_too_small_a_history_is_found_out() -> None:
    def model() -> None:
        states = [torch.tensor(0)] * 2
        for t in markov(range(5)):
            logits = torch.zeros(3) + states[-2].unsqueeze(-1)
            states.append(draw(f"x_{t}", dist.Categorical(logits=logits)))

    with pytest.raises(ValueError, match=r'conflict at site "x_2".*Try increasing pyro\.markov'):
        dims(model)


def test_a_value_that_leaves_its_markov_context_is_found_out() -> None:
    def model() -> None:
        for t in markov(range(3)):
            x = draw(f"x_{t}", dist.Categorical(torch.ones(3)))
        sample("y", dist.Normal(x.float(), 1.0), obs=torch.tensor(0.0))

    with pytest.raises(ValueError, match='conflict at site "y"'):
        dims(model)


def test_contexts_side_by_side_share_dims_and_nested_ones_do_not() -> None:
    def model() -> None:
        draw("root", dist.Bernoulli(0.5))
        with markov():
            draw("a", dist.Bernoulli(0.5))
            with markov():
                draw("aa", dist.Bernoulli(0.5))
            with markov():
                draw("ab", dist.Bernoulli(0.5))
        with markov():
            draw("b", dist.Bernoulli(0.5))
        draw("last", dist.Bernoulli(0.5))

    found = dims(model)
    assert found == {"root": -2, "a": -3, "aa": -4, "ab": -4, "b": -3, "last": -3}


@pytest.mark.parametrize(("keep", "expected"), [(False, -3), (True, -4)])
def test_keep_lets_branches_see_each_other(keep: bool, expected: int) -> None:
    def model() -> None:
        @markov(keep=keep)
        def tree(name: str, depth: int) -> None:
            draw(name, dist.Bernoulli(0.5))
            if depth:
                tree(name + "l", depth - 1)
                tree(name + "r", depth - 1)

        tree("t", 1)

    found = dims(model)
    assert found["t"] == -2 and found["tl"] == -3
    assert found["tr"] == expected


def test_recursion_with_a_decorated_function() -> None:
    @markov
    def chain(t: int, x: torch.Tensor) -> None:
        if t:
            chain(t - 1, draw(f"x_{t}", dist.Categorical(torch.ones(2, 2)[x.long()])))

    found = dims(lambda: chain(6, torch.tensor(0)))
    assert set(found.values()) == {-2, -3}


def test_the_model_continues_where_the_guide_stopped() -> None:
    def guide() -> None:
        draw("z", dist.Bernoulli(0.5))
        for t in markov(range(4)):
            draw(f"x_{t}", dist.Bernoulli(0.5))

    def model() -> None:
        draw("own", dist.Categorical(torch.ones(3)))
        guide()

    guide_trace = poutine.trace(poutine.enum(guide, first_available_dim=-2)).get_trace()
    replayed = poutine.replay(model, trace=guide_trace)
    trace = poutine.trace(poutine.enum(replayed)).get_trace()
    own = trace.nodes["own"]["infer"]["_enumerate_dim"]
    used = [guide_trace.nodes[f"x_{t}"]["infer"]["_enumerate_dim"] for t in range(4)]
    assert own < min(used)
    ids = trace.nodes["x_3"]["infer"]["_dim_to_id"]
    assert ids[own] not in {
        i
        for s in guide_trace.nodes.values()
        for i in s.get("infer", {}).get("_dim_to_id", {}).values()
    }


@pytest.mark.parametrize("call", [lambda: markov(dim=-1), lambda: markov(name="m")])
def test_reserved_options(call: Any) -> None:
    with pytest.raises(NotImplementedError):
        call()


def test_bad_arguments() -> None:
    with pytest.raises(HandlerError, match="must be negative"):
        poutine.enum(first_available_dim=0)
    with pytest.raises(HandlerError, match="history"):
        markov(history=-1)
