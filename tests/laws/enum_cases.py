"""Programs with discrete sites: plates, enumeration, Markov structure.

Each is small enough to be summed by hand, over all assignments of all of its sites.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine

Params = dict[str, Tensor]
PARALLEL = {"enumerate": "parallel"}
EXPANDED = {"enumerate": "parallel", "expand": True}

TABLE = torch.tensor([[0.7, 0.3], [0.2, 0.8]], dtype=torch.float64)
TABLE3 = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]], dtype=torch.float64)
CUBE = torch.tensor([[[0.7, 0.3], [0.4, 0.6]], [[0.9, 0.1], [0.2, 0.8]]], dtype=torch.float64)
LOCS = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
X = torch.tensor([0.3, -1.2, 0.8, 2.0], dtype=torch.float64)


class Case(NamedTuple):
    """A model, and a guide for the sites that the model does not sum over.

    ``params`` are unconstrained; both programs get them as their one argument.
    """

    name: str
    model: Callable[[Params], Any]
    guide: Callable[[Params], Any]
    params: dict[str, Any]
    plates: int

    def leaves(self) -> Params:
        """Fresh parameters."""
        return {
            k: torch.tensor(v, dtype=torch.get_default_dtype(), requires_grad=True)
            for k, v in self.params.items()
        }


CASES: list[Case] = []


def no_guide(p: Params) -> None:
    """All is summed over in the model."""


def case(
    plates: int = 0, guide: Callable[[Params], Any] = no_guide, **params: Any
) -> Callable[[Callable[[Params], Any]], Callable[[Params], Any]]:
    """Put a model into the table, under its own name."""

    def add(model: Callable[[Params], Any]) -> Callable[[Params], Any]:
        CASES.append(Case(model.__name__, model, guide, params or {"a": 0.3}, plates))
        return model

    return add


def bern(name: str, logits: Any, infer: Any = None) -> Tensor:
    return pyro.sample(name, dist.Bernoulli(logits=logits), infer=infer or PARALLEL)  # type: ignore[no-any-return]


def observe(name: str, loc: Any, x: Any) -> None:
    pyro.sample(name, dist.Normal(loc, 1.0), obs=x)


# ------------------------------------------------------------------------------- no plates


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


# ------------------------------------------------------------------------------ one plate


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


# ------------------------------------------------------------------------- several plates


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


# --------------------------------------------------------------------------------- chains


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


# ------------------------------------------------------------------ enumeration in guides


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
