"""Programs whose guide enumerates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from tests.laws.enum_case import (
    CASES,
    Case,
    Params,
    X,
    bern,
    case,
    observe,
)


def guide_bern(name: str, logits: Any, how: str = "parallel") -> Tensor:
    infer = {"enumerate": how} if how else {}
    return pyro.sample(name, dist.Bernoulli(logits=logits), infer=infer)  # type: ignore[no-any-return]


def guided(name: str, how: str) -> Callable[[Params], None]:
    def guide(p: Params) -> None:
        guide_bern(name, p["q"], how)

    return guide


def local_guide(how: str) -> Callable[[Params], None]:
    def guide(p: Params) -> None:
        with pyro.plate("data", 3):
            guide_bern("z", p["q"], how)

    return guide


def model_bern(name: str, logits: Any) -> Tensor:
    return pyro.sample(name, dist.Bernoulli(logits=logits))  # type: ignore[no-any-return]


for how in ("parallel", "sequential"):

    def guided_global(p: Params) -> None:
        z = model_bern("z", p["a"])
        with pyro.plate("data", 4):
            observe("x", z * 1.0, X)

    def guided_local(p: Params) -> None:
        with pyro.plate("data", 3):
            observe("x", model_bern("z", p["a"]) * 2.0, X[:3])

    def guided_global_with_model_sum(p: Params) -> None:
        z = model_bern("z", p["a"])
        with pyro.plate("data", 3):
            observe("x", z + bern("w", z - p["a"]), X[:3])

    def guided_local_with_other_terms(p: Params) -> None:
        pyro.factor("f", 2.0 * p["a"])
        with pyro.plate("data", 3):
            z = model_bern("z", p["a"])
            observe("x", z * 2.0, X[:3])
            observe("y", p["a"], X[1:])

    for made, made_guide, q, plates in (
        (guided_global, guided("z", how), 0.4, 1),
        (guided_local, local_guide(how), [0.4, -0.2, 0.1], 1),
        (guided_global_with_model_sum, guided("z", how), 0.4, 1),
        (guided_local_with_other_terms, local_guide(how), [0.4, -0.2, 0.1], 1),
    ):
        CASES.append(Case(f"{made.__name__} {how}", made, made_guide, {"a": 0.3, "q": q}, plates))


def chained_guide(p: Params) -> None:
    z = guide_bern("z", p["q"][0])
    guide_bern("w", p["q"][1] * z - p["q"][2])


@case(guide=chained_guide, a=0.3, q=[0.2, 0.7, -0.4])
def guided_chain(p: Params) -> None:
    z = model_bern("z", p["a"])
    w = model_bern("w", z - p["a"])
    observe("x", z + w, X[0])
    observe("y", 2.0 * w, X[1])


def global_and_local_guide(p: Params) -> None:
    z = guide_bern("z", p["q"][0])
    with pyro.plate("data", 3):
        guide_bern("w", p["q"][1] * z - p["q"][2])


@case(1, guide=global_and_local_guide, a=0.3, q=[0.2, 0.7, -0.4])
def guided_global_and_local(p: Params) -> None:
    z = model_bern("z", p["a"])
    with pyro.plate("data", 3):
        w = model_bern("w", z - p["a"])
        observe("x", w + z, X[:3])


def mixed_guide(p: Params) -> None:
    z = guide_bern("z", p["q"][0], "sequential")
    with pyro.plate("data", 3):
        guide_bern("w", p["q"][1] * z - p["q"][2], "parallel")


@case(1, guide=mixed_guide, a=0.3, q=[0.2, 0.7, -0.4])
def guided_sequential_and_parallel(p: Params) -> None:
    z = model_bern("z", p["a"])
    with pyro.plate("data", 3):
        w = model_bern("w", z - p["a"])
        observe("x", w + z + bern("v", w), X[:3])


def subsampled_guide(p: Params) -> None:
    with pyro.plate("data", 6, subsample=torch.tensor([0, 2])):
        guide_bern("z", p["q"])


@case(1, guide=subsampled_guide, a=0.3, q=0.4)
def guided_and_subsampled(p: Params) -> None:
    with pyro.plate("data", 6, subsample=torch.tensor([0, 2])):
        observe("x", model_bern("z", p["a"]) * 2.0, X[:2])


def branching_guide(p: Params) -> None:
    if guide_bern("z", p["q"], "sequential"):
        guide_bern("w", p["q"] - 1.0, "parallel")


@case(guide=branching_guide, a=0.3, q=0.4)
def guided_branches(p: Params) -> None:
    if model_bern("z", p["a"]):
        observe("x", model_bern("w", p["a"]), X[0])
    else:
        observe("x", -1.0, X[0])


# ------------------------------------------------------------- drawn and enumerated sites

SAMPLED: list[Case] = []
"""Cases in whose guide some sites are drawn: estimates are unbiased, not exact."""


def partly_enumerated(first: str, second: str) -> None:
    """Two sites of a guide, in a chain and around a plate; ``""`` means drawn."""

    def chain(p: Params) -> None:
        z = guide_bern("z", p["q"][0], first)
        guide_bern("w", p["q"][1] * z - p["q"][2], second)

    def around_a_plate(p: Params) -> None:
        z = guide_bern("z", p["q"][0], first)
        with pyro.plate("data", 3):
            guide_bern("w", p["q"][1] * z - p["q"][2], second)

    params = {"a": 0.3, "q": [0.2, 0.7, -0.4]}
    name = f"{first or 'drawn'}, {second or 'drawn'}"
    SAMPLED.append(Case(f"chain: {name}", guided_chain, chain, params, 0))
    SAMPLED.append(Case(f"plate: {name}", guided_global_and_local, around_a_plate, params, 1))


for first_way, second_way in (
    ("", ""),
    ("", "parallel"),
    ("parallel", ""),
    ("", "sequential"),
    ("sequential", ""),
):
    partly_enumerated(first_way, second_way)
