"""Dependency graphs: of what no gradient sees, and against the Hessian of the log density."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer.inspect import get_dependencies
from pyro.infer.reparam import LocScaleReparam
from pyro.poutine.sites import is_latent

Model = Callable[..., Any]
ZERO = torch.tensor(0.0)


def normal(name: str, loc: Any = 0.0, obs: Any = None) -> Tensor:
    value: Tensor = pyro.sample(name, dist.Normal(loc, 1.0), obs=obs)
    return value


def chain() -> None:
    normal("c", normal("b", normal("a")), obs=ZERO)


def collider() -> None:
    a, b = normal("a"), normal("b")
    c = normal("c", a + 2 * b)
    normal("d", a, obs=ZERO)
    normal("e", c, obs=ZERO)


def summed_plate() -> None:
    with pyro.plate("p", 3):
        a = normal("a")
    normal("b", a.sum(), obs=ZERO)


def two_plates() -> None:
    with pyro.plate("p", 3, dim=-1):
        z = normal("z")
        y = normal("y")
        with pyro.plate("q", 2, dim=-2):
            w = normal("w", 3 * z)
        normal("v", z + w.sum(0), obs=torch.zeros(3))
    normal("x", z.sum() + y.sum(), obs=ZERO)


def crossed() -> None:
    p, q = pyro.plate("p", 3, dim=-1), pyro.plate("q", 2, dim=-2)
    with p:
        z = normal("z")
    with q:
        w = normal("w")
    with p, q:
        normal("x", z + w, obs=torch.zeros(2, 3))


def through_values() -> None:
    a = normal("a")
    d = pyro.deterministic("d", 2 * a)
    e = pyro.sample("e", dist.Delta(d))
    normal("b", d + e, obs=ZERO)


def by_observation() -> None:
    b = normal("b", normal("a"))
    normal("y", 0.0, obs=3 * b)


def sequential() -> None:
    a = normal("a")
    for i in pyro.plate("p", 2):
        normal(f"y{i}", normal(f"x{i}", a), obs=ZERO)


def factored() -> None:
    a, b = normal("a"), normal("b")
    pyro.factor("f", -a * b)


NORMAL_MODELS: list[Model] = [
    chain,
    collider,
    summed_plate,
    two_plates,
    crossed,
    through_values,
    by_observation,
    sequential,
    factored,
]


@pytest.mark.parametrize("model", NORMAL_MODELS, ids=lambda m: m.__name__)
def test_posterior_graph_is_the_sparsity_of_the_hessian(model: Model) -> None:
    graph = get_dependencies(model)["posterior_dependencies"]
    nodes = poutine.trace(model).get_trace().nodes
    latent = {n: s for n, s in nodes.items() if s["type"] == "sample" and is_latent(s)}
    latent = {n: s for n, s in latent.items() if n in graph}  # no Delta sites
    assert list(graph) == list(latent)
    names = list(latent)

    def log_density(*values: Tensor) -> Tensor:
        given = poutine.condition(model, dict(zip(names, values, strict=True)))
        total: Tensor = poutine.trace(given).get_trace().log_prob_sum()
        return total

    values = tuple(site["value"].detach() for site in latent.values())
    hessian: Any = torch.autograd.functional.hessian(log_density, values)
    for i, first in enumerate(names):
        for j, second in enumerate(names[i:], i):
            expected = _joined(graph[first].get(second), latent[first], latent[second])
            assert torch.equal(hessian[i][j] != 0, expected), (first, second)


def _joined(across: set[str] | None, first: Any, second: Any) -> Tensor:
    """Which pairs of elements of two sites a graph joins."""
    shapes = first["value"].shape, second["value"].shape
    joined = torch.full(shapes[0] + shapes[1], across is not None)
    plates = [{f.name: f.dim for f in s["cond_indep_stack"] if f.dim} for s in (first, second)]
    for name in plates[0].keys() & plates[1].keys() - (across or set()):
        dims = plates[0][name] - len(shapes[1]), plates[1][name]
        size = joined.shape[dims[1]]
        eye = torch.eye(size, dtype=torch.bool)
        joined &= eye.reshape([size if d in dims else 1 for d in range(-joined.dim(), 0)])
    return joined


def zero_gradient() -> None:
    a = normal("a")
    normal("b", (a > 0).float() + 0 * a + a.detach().round(), obs=ZERO)


def indexed() -> None:
    z = pyro.sample("z", dist.Categorical(torch.ones(3)))
    locs = pyro.param("locs", torch.zeros(3))
    normal("x", locs[z], obs=ZERO)


def written() -> None:
    a = normal("a")
    loc = torch.zeros(3)
    loc[1] = a
    pyro.sample("b", dist.Normal(loc, 1.0).to_event(1), obs=torch.zeros(3))


def branch() -> None:
    a = normal("a")
    normal("b", 0.0 if a > 0 else 1.0, obs=ZERO)


def as_number() -> None:
    a = normal("a")
    normal("b", a.item(), obs=ZERO)


def through_numpy() -> None:
    a = normal("a")
    normal("b", torch.as_tensor(a.detach().numpy().copy()), obs=ZERO)


def scaled() -> None:
    a = normal("a")
    with poutine.scale(scale=a.exp()):
        normal("b", 0.0, obs=ZERO)


def masked() -> None:
    a = normal("a")
    with poutine.mask(mask=a > 0):
        normal("b", 0.0, obs=ZERO)


def generative() -> None:
    """A law that can only be drawn from."""
    a = normal("a")
    pyro.sample("b", lambda: a + torch.randn(()))


def module() -> None:
    net = pyro.module("net", torch.nn.Linear(1, 1))
    a = normal("a")
    normal("b", net(a.reshape(1)).squeeze(), obs=ZERO)


@pytest.mark.parametrize(
    "model",
    [
        zero_gradient,
        indexed,
        written,
        branch,
        as_number,
        through_numpy,
        scaled,
        masked,
        generative,
        module,
    ],
    ids=lambda m: m.__name__,
)
def test_found_without_a_gradient(model: Model) -> None:
    first, second = get_dependencies(model)["prior_dependencies"].items()
    assert first[1] == {first[0]: set()}
    assert second[1] == {second[0]: set(), first[0]: set()}


def test_a_view_does_not_mark_the_table_that_it_is_chosen_from() -> None:
    def hmm() -> None:
        probs = pyro.sample("p", dist.Dirichlet(torch.ones(2, 2)).to_event(1))
        locs = pyro.param("locs", torch.zeros(2))
        z: Any = 0
        for t in pyro.markov(range(3)):
            z = pyro.sample(f"z{t}", dist.Categorical(probs[z]))
            normal(f"x{t}", locs[z], obs=ZERO)

    prior = get_dependencies(hmm)["prior_dependencies"]
    assert {name: sorted(sources.keys() - {name}) for name, sources in prior.items()} == {
        "p": [],
        "z0": ["p"],
        "x0": ["z0"],
        "z1": ["p", "z0"],
        "x1": ["z1"],
        "z2": ["p", "z1"],
        "x2": ["z2"],
    }


def test_writing_to_a_chosen_view_marks_the_table() -> None:
    def model() -> None:
        i, a = pyro.sample("i", dist.Categorical(torch.ones(2))), normal("a")
        table = torch.zeros(2)
        table[i].add_(a)
        normal("b", table[0], obs=ZERO)

    assert get_dependencies(model)["prior_dependencies"]["b"].keys() == {"a", "b", "i"}


def test_inside_of_vmap_and_reparameterised() -> None:
    def model() -> None:
        a = normal("a")
        b = normal("b", a)
        normal("c", torch.func.vmap(torch.sin)(b[None]).sum(), obs=ZERO)

    assert get_dependencies(model)["prior_dependencies"]["c"].keys() == {"b", "c"}
    decentered = poutine.reparam(model, config={"b": LocScaleReparam(0.0)})
    prior = get_dependencies(decentered, include_deterministic=True)["prior_dependencies"]
    assert prior["b_decentered"].keys() == {"a", "b_decentered"}
    assert prior["b"].keys() == {"a", "b", "b_decentered"}
    assert prior["c"].keys() == {"b", "c"}


def test_what_is_not_a_dependency() -> None:
    def model(data: Tensor) -> None:
        a = normal("a")
        with poutine.mask(mask=False):
            normal("unscored", a, obs=data)
        normal("y0", 0.0, obs=data[0])
        normal("y1", data[0], obs=data[1])  # the datum, not the site
        normal("b", normal("c", a, obs=data[1]))  # an observed site is no cause
        dist.Normal(a, 1.0).sample()

    assert get_dependencies(model, (torch.zeros(2),))["prior_dependencies"] == {
        "a": {"a": set()},
        "y0": {"y0": set()},
        "y1": {"y1": set()},
        "c": {"c": set(), "a": set()},
        "b": {"b": set()},
    }


def test_branches_stay_inside_their_iteration() -> None:
    def model() -> None:
        for i in pyro.plate("p", 2):
            normal(f"y{i}", 1.0 if normal(f"x{i}") > 0 else 0.0)
        normal("after")

    prior = get_dependencies(model)["prior_dependencies"]
    assert {name: sorted(sources.keys() - {name}) for name, sources in prior.items()} == {
        "x0": [],
        "y0": ["x0"],
        "x1": [],
        "y1": ["x1"],
        "after": ["x0", "x1"],
    }


def test_partly_observed() -> None:
    def model() -> None:
        a = normal("a")
        mask = torch.tensor([True, False])
        with pyro.plate("p", 2):
            b = pyro.sample("b", dist.Normal(a, 1.0), obs=torch.zeros(2), obs_mask=mask)
        normal("c", b.sum())

    prior = get_dependencies(model)["prior_dependencies"]
    assert {name: sorted(sources.keys() - {name}) for name, sources in prior.items()} == {
        "a": [],
        "b_observed": ["a"],
        "b_unobserved": ["a"],
        "c": ["b_unobserved"],
    }


def test_computed_values_as_sites() -> None:
    graphs = get_dependencies(through_values, include_deterministic=True)
    assert graphs["prior_dependencies"] == {
        "a": {"a": set()},
        "d": {"d": set(), "a": set()},
        "e": {"e": set(), "d": set()},
        "b": {"b": set(), "d": set(), "e": set()},
    }
    assert graphs["posterior_dependencies"] == {
        "a": {"a": set(), "d": set()},
        "d": {"d": set(), "e": set(), "b": set()},
        "e": {"e": set(), "b": set()},
    }


def test_looking_leaves_no_trace() -> None:
    pyro.set_rng_seed(0)
    expected = torch.randn(3)
    pyro.set_rng_seed(0)
    with poutine.trace() as traced:
        get_dependencies(module)
    assert not len(traced.trace) and not len(pyro.get_param_store())
    assert torch.equal(torch.randn(3), expected)


def test_arguments_and_errors() -> None:
    def model(a: float, *, b: float) -> None:
        normal("x", a + b)
        normal("y", torch.zeros(3))
        with pyro.plate("p", 2):
            normal("z", torch.zeros(3))

    with pytest.raises(ValueError, match="at site z") as caught:
        get_dependencies(model, (1.0,), {"b": 2.0})
    assert any("Trace Shapes" in note for note in caught.value.__notes__)
    assert list(get_dependencies(normal, ("n",))["prior_dependencies"]) == ["n"]
