"""Programs with enumerated sites, in plates and without."""

from __future__ import annotations

import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from tests.laws.enum_case import (
    CUBE,
    EXPANDED,
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


@case()
def one_bernoulli(p: Params) -> None:
    observe("x", bern("z", p["a"]) * 2.0, X[0])


@case()
def one_bernoulli_expanded(p: Params) -> None:
    observe("x", bern("z", p["a"], EXPANDED) * 2.0, X[0])


@case(a=[0.1, -0.2, 0.4])
def one_categorical(p: Params) -> None:
    z = pyro.sample("z", dist.Categorical(logits=p["a"]), infer=PARALLEL)
    observe("x", LOCS[z], X[0])


@case(a=[0.1, -0.2, 0.4])
def one_hot(p: Params) -> None:
    z = pyro.sample("z", dist.OneHotCategorical(logits=p["a"]), infer=PARALLEL)
    observe("x", (z * LOCS).sum(-1), X[0])


@case()
def one_binomial(p: Params) -> None:
    z = pyro.sample("z", dist.Binomial(3, logits=p["a"]), infer=PARALLEL)
    observe("x", z - 1.0, X[0])


@case()
def one_value_only(p: Params) -> None:
    z = pyro.sample("z", dist.Categorical(torch.ones(1)), infer=PARALLEL)
    observe("x", p["a"] + z, X[0])


@case()
def nothing_depends_on_it(p: Params) -> None:
    bern("z", p["a"])
    observe("x", p["a"], X[0])


@case()
def two_apart(p: Params) -> None:
    observe("x", bern("z", p["a"]) * 1.0, X[0])
    observe("y", bern("w", -p["a"]) * 2.0, X[1])


@case()
def two_joined(p: Params) -> None:
    observe("x", bern("z", p["a"]) + 2 * bern("w", -p["a"]), X[0])


@case(a=[[0.1, 0.3], [-0.5, 0.4]])
def two_dependent(p: Params) -> None:
    z = pyro.sample("z", dist.Categorical(TABLE[0]), infer=PARALLEL)
    w = pyro.sample("w", dist.Categorical(logits=p["a"][z]), infer=PARALLEL)
    observe("x", LOCS[w], X[0])


@case(a=[[0.1, 0.3], [-0.5, 0.4]])
def triangle(p: Params) -> None:
    z = pyro.sample("z", dist.Categorical(TABLE[0]), infer=PARALLEL)
    w = pyro.sample("w", dist.Categorical(logits=p["a"][z]), infer=PARALLEL)
    v = pyro.sample("v", dist.Categorical(CUBE[z, w]), infer=PARALLEL)
    observe("x", LOCS[z] + LOCS[w] * LOCS[v], X[0])


@case()
def different_sizes(p: Params) -> None:
    z = pyro.sample("z", dist.Categorical(TABLE3[0]), infer=PARALLEL)
    w = bern("w", p["a"] * z)
    observe("x", LOCS[z] * w, X[0])


@case()
def impossible_values(p: Params) -> None:
    z = pyro.sample("z", dist.Categorical(torch.tensor([0.0, 0.4, 0.6])), infer=PARALLEL)
    observe("x", LOCS[z] + p["a"], X[0])


@case()
def a_factor(p: Params) -> None:
    z = bern("z", p["a"])
    pyro.factor("f", z * 0.7 - p["a"])


@case()
def scaled(p: Params) -> None:
    with poutine.scale(scale=2.5):
        observe("x", bern("z", p["a"]) * 2.0, X[0])
    with poutine.scale(scale=0.5):
        observe("y", bern("w", p["a"]) * 2.0, X[1])


@case()
def observed_under_a_mask(p: Params) -> None:
    z = bern("z", p["a"])
    with poutine.mask(mask=torch.tensor(False)):
        observe("x", z * 2.0, X[0])
    observe("y", z * 1.0, X[1])


@case(1, a=[0.1, -0.2, 0.4])
def mixture(p: Params) -> None:
    with pyro.plate("data", 3):
        z = pyro.sample("z", dist.Categorical(logits=p["a"]), infer=PARALLEL)
        observe("x", LOCS[z], X[:3])


@case(1, a=[0.1, -0.2, 0.4])
def mixture_expanded(p: Params) -> None:
    with pyro.plate("data", 3):
        z = pyro.sample("z", dist.Categorical(logits=p["a"]), infer=EXPANDED)
        observe("x", LOCS[z], X[:3])


@case(1, a=[0.1, -0.2, 0.4])
def logits_by_index(p: Params) -> None:
    with pyro.plate("data", 3):
        observe("x", bern("z", p["a"]) * 2.0, X[:3])


@case(1)
def global_choice(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("data", 4):
        observe("x", z * 1.0, X)


@case(1)
def global_and_local(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("data", 3):
        w = bern("w", z - p["a"])
        observe("x", w + z, X[:3])


@case(1)
def local_without_data(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("data", 3):
        bern("w", z - p["a"])
    observe("x", z * 1.0, X[0])


@case(1)
def data_before_the_plate(p: Params) -> None:
    z = bern("z", p["a"])
    observe("y", z * 1.0, X[0])
    with pyro.plate("data", 3):
        observe("x", z * 1.0, X[:3])


@case(1)
def two_globals(p: Params) -> None:
    z, w = bern("z", p["a"]), bern("w", -p["a"])
    with pyro.plate("data", 3):
        observe("x", z + 2 * w, X[:3])


@case(1)
def two_plates_in_turn(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("one", 2):
        observe("x", bern("w", z) * 1.0, X[:2])
    with pyro.plate("two", 3):
        observe("y", bern("v", -z) * 1.0, X[:3])


@case(1)
def same_plate_twice(p: Params) -> None:
    plate = pyro.plate("data", 3)
    with plate:
        w = bern("w", p["a"])
    with plate:
        observe("x", w * 2.0, X[:3])


@case(1)
def masked_in_part(p: Params) -> None:
    with pyro.plate("data", 3), poutine.mask(mask=torch.tensor([True, False, True])):
        observe("x", bern("z", p["a"]) * 2.0, X[:3])


@case(1)
def subsampled_everywhere(p: Params) -> None:
    with pyro.plate("data", 6, subsample=torch.tensor([0, 2])):
        observe("x", bern("z", p["a"]) * 2.0, X[:2])


@case(1)
def a_factor_in_a_plate(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("data", 3):
        w = bern("w", z)
        pyro.factor("f", w * z * 0.4 - 0.2 * X[:3])


@case(1)
def same_for_all_indices(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("data", 3):
        pyro.factor("f", 0.3 * z)


@case(1)
def sequential_plate(p: Params) -> None:
    z = bern("z", p["a"])
    for i in pyro.plate("data", 3):
        w = bern(f"w_{i}", z - p["a"])
        observe(f"x_{i}", w + z, X[i])


@case(1)
def sequential_plate_used_outside(p: Params) -> None:
    values = [bern(f"w_{i}", p["a"]) for i in pyro.plate("data", 3)]
    observe("x", sum(values), X[0])


@case(1)
def tied_by_indexing(p: Params) -> None:
    with pyro.plate("data", 3):
        z = pyro.sample("z", dist.Categorical(TABLE3), infer=PARALLEL)
        w = pyro.sample("w", dist.Categorical(TABLE3[z]), infer=PARALLEL)
        observe("x", LOCS[w] * p["a"], X[:3])


@case(2)
def nested_plates(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("outer", 2, dim=-2):
        w = bern("w", z - p["a"])
        with pyro.plate("inner", 2, dim=-1):
            v = bern("v", w + p["a"])
            observe("x", v + w + z, X.reshape(2, 2))


@case(2)
def only_the_inmost_is_latent(p: Params) -> None:
    with pyro.plate("outer", 2, dim=-2), pyro.plate("inner", 2, dim=-1):
        observe("x", bern("v", p["a"]) * 1.0, X.reshape(2, 2))


@case(2)
def skips_a_plate(p: Params) -> None:
    z = bern("z", p["a"])
    with pyro.plate("outer", 2, dim=-2), pyro.plate("inner", 2, dim=-1):
        observe("x", z + 0.5 * bern("v", z), X.reshape(2, 2))


@case(2)
def crossing_without_a_join(p: Params) -> None:
    rows, columns = pyro.plate("rows", 2, dim=-2), pyro.plate("columns", 2, dim=-1)
    with rows:
        z = bern("z", p["a"])
        observe("x", z, X[:2].unsqueeze(-1))
    with columns:
        w = bern("w", -p["a"])
        observe("y", w, X[2:])


@case(2)
def crossing_with_one_side(p: Params) -> None:
    rows, columns = pyro.plate("rows", 2, dim=-2), pyro.plate("columns", 2, dim=-1)
    with rows:
        z = bern("z", p["a"])
    with rows, columns:
        observe("x", z * 2.0, X.reshape(2, 2))


@case(2)
def local_at_a_crossing(p: Params) -> None:
    rows, columns = pyro.plate("rows", 2, dim=-2), pyro.plate("columns", 2, dim=-1)
    with rows:
        z = bern("z", p["a"])
    with rows, columns:
        w = bern("w", z - 0.5)
        observe("x", z + w, X.reshape(2, 2))
