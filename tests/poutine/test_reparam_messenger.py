"""The handler that rewrites sites, apart from any reparameteriser."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.poutine.reparam_messenger import Reparam, rewriting


class Shift(Reparam):
    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def apply(self, msg: Any) -> Any:
        value = pyro.sample(msg["name"] + "_moved", dist.Normal(0.0, 1.0)) + self.by
        return {"fn": dist.Delta(value).mask(False), "value": value, "is_observed": True}


class Rescore(Reparam):
    """Draws elsewhere, and scores by the distribution of the site."""

    def apply(self, msg: Any) -> Any:
        value = pyro.sample(msg["name"] + "_drawn", dist.Normal(0.0, 1.0))
        return {"fn": msg["fn"], "value": value, "is_observed": True}


def model() -> torch.Tensor:
    x: torch.Tensor = pyro.sample("x", dist.Normal(3.0, 2.0))
    return x


def test_only_what_adds_nothing_is_deterministic() -> None:
    for rewrite, expected in ((Shift(), True), (Rescore(), False)):
        trace = poutine.trace(poutine.reparam(model, config={"x": rewrite})).get_trace()
        assert bool(trace.nodes["x"]["infer"].get("_deterministic")) is expected
        assert trace.nodes["x"]["is_observed"]


def test_a_value_from_outside_is_noticed() -> None:
    program = poutine.reparam(model, config={"x": Shift()})
    with pytest.warns(RuntimeWarning, match=r"site 'x' was reparameterised, and then given"):
        poutine.condition(program, {"x": torch.tensor(9.0)})()
    with pytest.warns(RuntimeWarning, match="then given another value"):
        poutine.condition(program, {"x": torch.tensor(9, dtype=torch.int64)})()
    inside = poutine.reparam(poutine.condition(model, {"x": torch.tensor(9.0)}), config={})
    assert inside() == 9.0
    trace = poutine.trace(program).get_trace()
    values = {name: trace.nodes[name]["value"] for name in ("x", "x_moved")}
    assert poutine.condition(program, values)() == values["x"]  # the same value: no warning


def test_what_is_at_work_is_known_and_forgotten() -> None:
    seen = []

    class Look(Reparam):
        def apply(self, msg: Any) -> Any:
            seen.append([type(rewriter).__name__ for _, rewriter in rewriting()])
            if msg["name"] == "fails":
                raise KeyError("stop")
            pyro.sample(msg["name"] + "_", dist.Normal(0.0, 1.0))
            return {**msg, "is_observed": bool(msg["is_observed"])}

    look = Look()
    poutine.reparam(model, config={"x": look, "x_": look})()
    assert seen == [["Look"], ["Look", "Look"]]
    fails = poutine.reparam(
        lambda: pyro.sample("fails", dist.Normal(0.0, 1.0)), config={"fails": look}
    )
    with pytest.raises(KeyError):
        fails()
    assert rewriting() == ()


def test_notes_begin_anew_in_each_run() -> None:
    counts = []

    class Count(Reparam):
        def apply(self, msg: Any) -> Any:
            notes = rewriting()[-1][0].notes
            notes["n"] = notes.get("n", 0) + 1
            counts.append(notes["n"])
            return {**msg, "is_observed": bool(msg["is_observed"])}

    def twice() -> None:
        pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(0.0, 1.0))

    rewrite = Count()
    program = poutine.reparam(twice, config=lambda site: rewrite)
    program()
    program()
    handler = poutine.reparam(config=lambda site: rewrite)
    for _ in range(2):
        with handler:
            twice()
    assert counts == [1, 2] * 4


def test_threads_rewrite_apart() -> None:
    rewrite = Shift()
    found: list[Any] = []

    def run(seed: int) -> None:
        program = poutine.reparam(model, config={"x": rewrite})
        trace = poutine.trace(program).get_trace()
        found.append(trace.nodes["x"]["value"] - trace.nodes["x_moved"]["value"])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [round(float(x), 5) for x in found] == [1.0] * 4


def test_a_reparameteriser_shows_its_settings() -> None:
    assert repr(Shift(by=2.0)) == "Shift(by=2.0)"
