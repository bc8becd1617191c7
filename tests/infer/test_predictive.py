"""Predictive: a table of shapes, in both modes, and what it says about wrong input."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import ShapeError
from pyro.infer import Predictive
from pyro.infer.errors import InferenceError

Shapes = dict[str, tuple[int, ...]]


def model() -> Tensor:
    pyro.sample("g", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    s = pyro.sample("s", dist.Normal(0.0, 1.0))
    with pyro.plate("p", 5):
        z = pyro.sample("z", dist.Normal(s, 1.0))
        pyro.deterministic("d", z * 2)
        pyro.deterministic("d0", z * 2, event_dim=0)
        pyro.sample("o", dist.Normal(z, 1.0), obs=torch.zeros(5))
        pyro.factor("f", z)
    pyro.deterministic("dd", s * 2)
    return z


def guide() -> None:
    pyro.sample("g", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    pyro.sample("s", dist.Normal(0.0, 1.0))
    pyro.sample("extra", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
    with pyro.plate("p", 5):
        pyro.sample("z", dist.Normal(0.0, 1.0))


LATENT: Shapes = {"g": (1, 2), "s": (1,), "z": (5,)}
REST: Shapes = {"d": (5,), "d0": (5,), "o": (5,), "f": (5, 0), "dd": (1,)}
SAMPLES = {"g": torch.zeros(7, 2), "s": torch.zeros(7), "z": torch.zeros(7, 5)}
PADDED = {"g": torch.zeros(7, 1, 2), "s": torch.zeros(7, 1)}

TABLE: list[tuple[str, dict[str, Any], int, Shapes]] = [
    ("prior", {"num_samples": 6}, 6, {**LATENT, **REST}),
    ("guide", {"guide": guide, "num_samples": 6}, 6, {**LATENT, **REST}),
    ("samples", {"posterior_samples": SAMPLES}, 7, REST),
    ("padded", {"posterior_samples": PADDED}, 7, {"z": (5,), **REST}),
    ("all", {"posterior_samples": PADDED, "return_sites": None}, 7, {**LATENT, **REST}),
    (
        "some",
        {"num_samples": 6, "return_sites": ("z", "_RETURN")},
        6,
        {"z": (5,), "_RETURN": (5,)},
    ),
    (
        "some with a guide",
        {"guide": guide, "num_samples": 6, "return_sites": ["s", "o"]},
        6,
        {"s": (1,), "o": (5,)},
    ),
    (
        "some of the samples",
        {"posterior_samples": SAMPLES, "return_sites": {"s", "o"}},
        7,
        {"s": (1,), "o": (5,)},
    ),
]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    ("options", "n", "shapes"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE]
)
def test_shapes(options: dict[str, Any], n: int, shapes: Shapes, parallel: bool) -> None:
    predictive = Predictive(model, parallel=parallel, **options)
    drawn = predictive()
    assert {k: tuple(v.shape) for k, v in drawn.items()} == {k: (n, *s) for k, s in shapes.items()}
    assert not any(value.requires_grad for value in drawn.values())
    assert [tuple(v.shape) for v in predictive.call()] == [(n, *shapes[k]) for k in sorted(shapes)]


@pytest.mark.parametrize("parallel", [False, True])
def test_values_follow_the_samples(parallel: bool) -> None:
    s = torch.linspace(-100, 100, 8)
    drawn = Predictive(model, {"s": s}, parallel=parallel)()
    assert torch.equal(drawn["dd"], 2 * s[:, None])
    assert ((drawn["z"] - s[:, None]).abs() < 8).all()
    assert torch.equal(drawn["o"], torch.zeros(8, 5))


@pytest.mark.parametrize("parallel", [False, True])
def test_moments_of_the_prior_predictive(parallel: bool) -> None:
    """z ~ N(0, sqrt 2): mean within 5 standard errors, as is the variance."""
    n = 4000 if parallel else 1000
    z = Predictive(model, num_samples=n, parallel=parallel)()["z"][:, 0]
    assert abs(z.mean().item()) < 5 * (2 / n) ** 0.5
    assert abs(z.var().item() - 2) < 5 * 2 * (2 / n) ** 0.5


@pytest.mark.parametrize("parallel", [False, True])
def test_the_stream_is_advanced_by_the_draws_alone(parallel: bool) -> None:
    def one() -> Tensor:
        x: Tensor = pyro.sample("x", dist.Normal(0.0, 1.0))
        return x

    pyro.set_rng_seed(1)
    drawn = Predictive(one, num_samples=1, parallel=parallel)()["x"]
    pyro.set_rng_seed(1)
    assert drawn.item() == one().item()


def test_the_model_runs_masked_and_without_gradients() -> None:
    def looks() -> None:
        assert poutine.get_mask() is False and not torch.is_grad_enabled()

    assert Predictive(looks, num_samples=2)() == {}


def test_vectorized_trace() -> None:
    trace = Predictive(model, {"s": torch.zeros(7)}).get_vectorized_trace()
    found = {
        name: (tuple(site["value"].shape), site.get("is_observed"))
        for name, site in trace.nodes.items()
        if name in ("s", "g", "z", "o", "_RETURN")
    }
    assert found == {
        "s": ((7, 1), True),
        "g": ((7, 1, 2), False),
        "z": ((7, 5), False),
        "o": ((5,), True),
        "_RETURN": ((7, 5), None),
    }


@pytest.mark.parametrize("parallel", [False, True])
def test_unknown_names_are_warned_about(parallel: bool) -> None:
    with pytest.warns(UserWarning, match=r"posterior_samples names .*\['nope'\].*\['g', 's', 'p'"):
        Predictive(model, {"nope": torch.zeros(3)}, parallel=parallel)()
    with pytest.warns(UserWarning, match=r"return_sites names .*\['zz'\]"):
        Predictive(model, num_samples=2, return_sites=("z", "zz"), parallel=parallel)()


def test_contradictions() -> None:
    samples = {"s": torch.zeros(3)}
    with pytest.warns(
        UserWarning, match="leading dimension size 3 is different from the provided 4"
    ):
        Predictive(model, samples, num_samples=4)
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "Either posterior_samples or num_samples"),
        ({"posterior_samples": {}}, "No sample sites in posterior samples"),
        ({"posterior_samples": samples, "guide": guide}, "cannot be provided with the `guide`"),
        ({"posterior_samples": {**samples, "z": torch.zeros(4, 5)}}, r"\{'s': 3, 'z': 4\}"),
        ({"posterior_samples": {"s": torch.tensor(0.0)}}, r"leftmost dim"),
        ({"num_samples": 2, "return_sites": "z"}, "collection of names"),
    ]
    for options, text in cases:
        with pytest.raises(InferenceError, match=text):
            Predictive(model, **options)


def test_samples_that_do_not_fit() -> None:
    with pytest.raises(
        ShapeError, match=r"site 's' have shape \(3, 4\), but .* \(3,\) is expected"
    ):
        Predictive(model, {"s": torch.zeros(3, 4)}, parallel=True)()


def test_models_that_cannot_be_stacked_or_vectorised() -> None:
    def random_size() -> None:
        n = 1 + int(torch.randint(4, ()))
        pyro.sample("x", dist.Normal(torch.zeros(n), 1.0).to_event(1))

    def sometimes() -> None:
        if pyro.sample("c", dist.Bernoulli(0.5)):
            pyro.sample("x", dist.Normal(0.0, 1.0))

    def not_vectorised() -> None:
        z = pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        pyro.deterministic("d", z[0])

    with pytest.raises(ShapeError, match="'x' has different shapes"):
        Predictive(random_size, num_samples=20)()
    with pytest.raises(InferenceError, match=r"'x' occurs in \d+ of 20 runs"):
        Predictive(sometimes, num_samples=20)()
    with pytest.raises(ShapeError, match=r"site 'd' has shape .* must be vectorised"):
        Predictive(not_vectorised, num_samples=20, parallel=True)()


@pytest.mark.parametrize("parallel", [False, True])
def test_deterministic_sites_among_the_samples_are_computed_anew(parallel: bool) -> None:
    def model(x: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 1.0))
        with pyro.plate("data", x.shape[-1]):
            pyro.deterministic("mean", slope * x)

    samples = {"slope": torch.tensor([1.0, 2.0]), "mean": torch.zeros(2, 5)}
    found = Predictive(model, samples, parallel=parallel)(torch.tensor([3.0, 4.0]))
    assert found.keys() == {"mean"}
    assert torch.equal(found["mean"], torch.tensor([[3.0, 4.0], [6.0, 8.0]]))
