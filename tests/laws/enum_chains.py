"""Programs with Markov structure."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from tests.laws.enum_case import (
    CUBE,
    LOCS,
    PARALLEL,
    TABLE,
    TABLE3,
    Params,
    X,
    bern,
    case,
    observe,
)


def chain(p: Params, length: int, data: Tensor = X, prefix: str = "") -> Tensor:
    z: Any = 0
    for t in pyro.markov(range(length)):
        z = pyro.sample(f"{prefix}z_{t}", dist.Categorical(TABLE3[z]), infer=PARALLEL)
        observe(f"{prefix}x_{t}", LOCS[z] * p["a"], data[t])
    return z  # type: ignore[no-any-return]


@case()
def markov_chain(p: Params) -> None:
    chain(p, 4)


@case()
def chain_without_markov(p: Params) -> None:
    z: Any = 0
    for t in range(4):
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
        observe(f"x_{t}", LOCS[z] * p["a"], X[t])


@case()
def chain_of_one(p: Params) -> None:
    chain(p, 1)


@case()
def chain_with_a_global(p: Params) -> None:
    z, w = bern("g", p["a"]), bern("h", -p["a"])
    x: Any = 0
    for t in pyro.markov(range(3)):
        x = pyro.sample(f"x_{t}", dist.Categorical(CUBE[z.long(), x]), infer=PARALLEL)
        observe(f"y_{t}", LOCS[x] + w, X[t])


@case()
def second_order(p: Params) -> None:
    before: Any = 0
    now: Any = 0
    for t in pyro.markov(range(4), history=2):
        before, now = (
            now,
            pyro.sample(f"z_{t}", dist.Categorical(CUBE[before, now]), infer=PARALLEL),
        )
        observe(f"x_{t}", LOCS[now] * p["a"], X[t])


@case()
def third_order(p: Params) -> None:
    z: list[Any] = [0, 0, 0]
    for t in pyro.markov(range(4), history=3):
        new = bern(f"z_{t}", p["a"] * z[0] - z[1] + 0.5 * z[2])
        observe(f"x_{t}", 1.0 * new, X[t])
        z = [*z[1:], new]


@case()
def observation_sees_the_last_state(p: Params) -> None:
    last: Any = 0
    for t in pyro.markov(range(3)):
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[last]), infer=PARALLEL)
        observe(f"x_{t}", LOCS[z] * p["a"] + LOCS[last], X[t])
        last = z


@case()
def factorial_chain(p: Params) -> None:
    z: Any = 0
    w: Any = 0
    for t in pyro.markov(range(3)):
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
        w = pyro.sample(f"w_{t}", dist.Categorical(CUBE[z, w]), infer=PARALLEL)
        observe(f"x_{t}", LOCS[z] + p["a"] * LOCS[w], X[t])


@case(1)
def chain_in_a_plate(p: Params) -> None:
    with pyro.plate("sequences", 2):
        z: Any = 0
        for t in pyro.markov(range(3)):
            z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
            observe(f"x_{t}", LOCS[z] * p["a"], X[t : t + 2])


@case(1)
def chain_with_plates_in_its_steps(p: Params) -> None:
    z: Any = 0
    tones = pyro.plate("tones", 2)
    for t in pyro.markov(range(3)):
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
        with tones:
            observe(f"x_{t}", LOCS[z] * p["a"], X[t : t + 2])


@case(1)
def chain_with_local_choices(p: Params) -> None:
    z: Any = 0
    tones = pyro.plate("tones", 2)
    for t in pyro.markov(range(2)):
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
        with tones:
            w = bern(f"w_{t}", z * p["a"])
            observe(f"x_{t}", LOCS[z] + w, X[t : t + 2])


@case(1)
def chains_of_different_lengths(p: Params) -> None:
    lengths = torch.tensor([3, 1])
    with pyro.plate("sequences", 2):
        z: Any = 0
        for t in pyro.markov(range(3)):
            with poutine.mask(mask=t < lengths):
                z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
                observe(f"x_{t}", LOCS[z] * p["a"], X[t : t + 2])


@case(1)
def chain_between_a_plate_and_a_global(p: Params) -> None:
    g = bern("g", p["a"])
    with pyro.plate("sequences", 2):
        z: Any = 0
        for t in pyro.markov(range(2)):
            z = pyro.sample(f"z_{t}", dist.Categorical(CUBE[g.long(), z]), infer=PARALLEL)
            observe(f"x_{t}", LOCS[z], X[t : t + 2])


@case()
def two_chains_in_turn(p: Params) -> None:
    chain(p, 2, prefix="first ")
    chain(p, 3, prefix="second ")


@case()
def nested_markov(p: Params) -> None:
    z: Any = 0
    for t in pyro.markov(range(2)):
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
        w: Any = z
        for s in pyro.markov(range(2)):
            w = pyro.sample(f"w_{t}_{s}", dist.Categorical(CUBE[z, w]), infer=PARALLEL)
            observe(f"x_{t}_{s}", LOCS[w] * p["a"], X[t + s])


@case()
def markov_functions(p: Params) -> None:
    @pyro.markov
    def step(t: int, z: Any) -> None:
        z = pyro.sample(f"z_{t}", dist.Categorical(TABLE[z]), infer=PARALLEL)
        observe(f"x_{t}", LOCS[z] * p["a"], X[t])
        if t < 3:
            step(t + 1, z)

    step(0, 0)


@case()
def a_tree(p: Params) -> None:
    @pyro.markov(history=1)
    def grow(name: str, parent: Any, depth: int) -> None:
        z = pyro.sample(name, dist.Categorical(TABLE[parent]), infer=PARALLEL)
        observe(f"x{name}", LOCS[z] * p["a"], X[depth])
        if depth < 2:
            grow(name + "l", z, depth + 1)
            grow(name + "r", z, depth + 1)

    grow("z", 0, 0)


@case()
def neighbouring_branches(p: Params) -> None:
    @pyro.markov(keep=True)
    def grow(name: str, parent: Any, sibling: Any, depth: int) -> Any:
        z = pyro.sample(name, dist.Categorical(CUBE[parent, sibling]), infer=PARALLEL)
        observe(f"x{name}", LOCS[z] * p["a"], X[depth])
        if depth < 1:
            left = grow(name + "l", z, 0, depth + 1)
            grow(name + "r", z, left, depth + 1)
        return z

    grow("z", 0, 0, 0)
