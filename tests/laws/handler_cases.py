"""Every handler with arguments, and which sites of one program they may change."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.poutine.reparam_messenger import Reparam
from pyro.primitives import deterministic, factor, param, plate, sample

DATA = torch.tensor([0.3, -1.0, 2.0, 0.1])


def draw(name: str, fn: Any, **options: Any) -> Any:
    """A sample statement whose random numbers depend on its name alone."""
    torch.manual_seed(zlib.crc32(name.encode()))
    return sample(name, fn, **options)


def program(data: torch.Tensor = DATA) -> torch.Tensor:
    """Sites of every kind; those that start with ``free`` depend on no other site."""
    torch.manual_seed(1)
    loc = param("loc", torch.tensor(0.5))
    draw("free_before", dist.Gamma(2.0, 3.0))
    z = draw("z", dist.Normal(loc, 1.0))
    w = draw("w", dist.Normal(loc, 2.0))
    k = draw(
        "k", dist.Categorical(logits=torch.tensor([0.2, 0.3, 0.5])), infer={"enumerate": "parallel"}
    )
    deterministic("sum", z + w)
    factor("term", -(z**2))
    for i in plate("loop", 2):
        draw(f"free_{i}", dist.Normal(float(i), 1.0))
    with plate("data", 4):
        u = draw("u", dist.Normal(z, 1.0))
        draw("x", dist.Normal(u + k, 1.0), obs=data)
    draw("free_after", dist.LogNormal(torch.zeros(3), 1.0).to_event(1))
    return z


class Shift(Reparam):
    """Writes ``z`` as a shifted auxiliary site."""

    def apply(self, msg: Any) -> Any:
        moved = draw(msg["name"] + "_moved", dist.Normal(0.0, 1.0)) + 1.0
        return {"fn": dist.Delta(moved).mask(False), "value": moved, "is_observed": True}


def _trace_of_z() -> Any:
    trace = poutine.Trace()
    value = torch.tensor(1.5)
    site = poutine.trace(lambda: sample("z", dist.Normal(0.0, 1.0))).get_trace().nodes["z"]
    trace.record("z", {**site, "value": value})
    return trace


@dataclass(frozen=True)
class HandlerCase:
    """A handler, its arguments, and what it leaves alone.

    :param touched: The sites that it concerns, with those that depend on them.
    :param changes: The fields of *every* site that it may change.
    """

    handler: str
    arguments: Callable[[], dict[str, Any]] = dict
    touched: frozenset[str] = frozenset()
    changes: frozenset[str] = field(default=frozenset())

    def make(self) -> dict[str, Any]:
        return self.arguments()

    def __str__(self) -> str:
        return f"{self.handler}({', '.join(self.arguments())})"


Z_AND_AFTER = frozenset(("z", "sum", "term", "u", "x"))
ALL_VALUES = frozenset(("z", "w", "sum", "term", "u", "x", "k"))
SCORES = frozenset(("log_prob",))

CASES = [
    HandlerCase("block", lambda: {"hide": ["w"]}, frozenset(("w",))),
    HandlerCase("block", lambda: {"expose_fn": lambda msg: msg["name"] != "w"}, frozenset(("w",))),
    HandlerCase("broadcast"),
    HandlerCase("condition", lambda: {"data": {"z": torch.tensor(0.7)}}, Z_AND_AFTER),
    HandlerCase("condition", lambda: {"data": {"x": DATA + 1}}, frozenset(("x",))),
    HandlerCase("do", lambda: {"data": {"z": 0.7}}, Z_AND_AFTER),
    HandlerCase(
        "enum",
        lambda: {"first_available_dim": -2},
        frozenset(("k", "x")),
        changes=frozenset(("infer",)),
    ),
    HandlerCase("equalize", lambda: {"sites": "z|w"}, frozenset(("w", "sum"))),
    HandlerCase("equalize", lambda: {"sites": ["z|w"], "keep_dist": True}, frozenset(("w", "sum"))),
    HandlerCase("escape", lambda: {"escape_fn": lambda msg: False}),
    HandlerCase(
        "infer_config",
        lambda: {"config_fn": lambda msg: {"mark": 1} if msg["name"] == "w" else {}},
        frozenset(("w",)),
    ),
    HandlerCase(
        "lift", lambda: {"prior": {"loc": dist.Normal(0.0, 1.0)}}, ALL_VALUES - {"k"} | {"loc"}
    ),
    HandlerCase("markov", lambda: {"history": 2}, changes=frozenset(("infer",))),
    HandlerCase("mask", lambda: {"mask": False}, changes=SCORES | {"mask"}),
    HandlerCase("mask", lambda: {"mask": True}, changes=frozenset(("mask",))),
    HandlerCase("reparam", lambda: {"config": {"z": Shift()}}, Z_AND_AFTER | {"z_moved"}),
    HandlerCase("replay", lambda: {"trace": _trace_of_z()}, Z_AND_AFTER),
    HandlerCase("scale", lambda: {"scale": 2.0}, changes=SCORES | {"scale"}),
    HandlerCase("scale", lambda: {"scale": 1.0}),
    HandlerCase("seed", lambda: {"rng_seed": 7}),
    HandlerCase(
        "substitute", lambda: {"data": {"loc": torch.tensor(3.0)}}, ALL_VALUES - {"k"} | {"loc"}
    ),
    HandlerCase("trace"),
    HandlerCase("uncondition", touched=frozenset(("x", "sum", "term"))),
]
