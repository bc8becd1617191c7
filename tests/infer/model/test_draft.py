"""A density that is recorded before its sites are known is that of the model, or is not used."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.compile import NotCapturable
from pyro.distributions import constraints
from pyro.infer import compile_density
from pyro.infer.errors import SubsampleError
from pyro.infer.model import compiled
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.draft import LONGEST
from tests.infer.model.programs import chain, local, mixture, undeclared

DATA = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64)
Model = Callable[[], Any]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    pyro.clear_param_store()


def eight_schools() -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", 3):
        theta = pyro.sample("theta", dist.Normal(mu, tau))
        pyro.sample("y", dist.Normal(theta, 2.0), obs=DATA)


def dependent_supports() -> None:
    low = pyro.sample("low", dist.Uniform(0.0, 1.0))
    high = pyro.sample("high", dist.Uniform(low, 2.0))
    pyro.sample("y", dist.Normal(high - low, 1.0), obs=DATA.sum())


def shaped() -> None:
    rows = pyro.sample("rows", dist.Dirichlet(torch.ones(2, 3)).to_event(1))
    factor = pyro.sample("factor", dist.LKJCholesky(3, 1.0))
    with pyro.plate("data", 2):
        loc = pyro.sample("loc", dist.MultivariateNormal(rows[0], scale_tril=factor))
    pyro.factor("term", -(loc**2).sum())


def derived() -> None:
    x = pyro.sample("x", dist.Exponential(1.0))
    pyro.deterministic("square", x**2)
    pyro.sample("y", dist.Normal(x, 1.0), obs=DATA[0])


def improper() -> None:
    x = pyro.sample("x", dist.ImproperUniform(constraints.positive, (), (2,)))
    pyro.sample("y", dist.Normal(x.sum(), 1.0), obs=DATA[0])


def parameter() -> None:
    scale = pyro.param("scale", torch.tensor(2.0), constraint=constraints.positive)
    x = pyro.sample("x", dist.Normal(0.0, scale))
    pyro.sample("y", dist.Normal(x, 1.0), obs=DATA[0])


def many() -> None:
    pyro.sample("x", dist.Normal(torch.zeros(LONGEST + 1), 1.0).to_event(1))


def single() -> None:
    """Of another type than that of the point that is drafted."""
    x = pyro.sample("x", dist.Normal(torch.zeros(2, dtype=torch.float32), 1.0).to_event(1))
    pyro.sample("y", dist.Normal(x.sum(), 1.0), obs=DATA[0].float())


def guarded() -> None:
    """The family branches on the concentration."""
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    pyro.sample("y", dist.VonMises(0.0, scale), obs=torch.tensor(0.3))


MODELS: dict[str, tuple[Model, bool]] = {
    "branch of a library": (guarded, False),
    "eight schools": (eight_schools, True),
    "dependent supports": (dependent_supports, True),
    "simplices and factors": (shaped, True),
    "chain": (chain, True),
    "mixture": (mixture, True),
    "deterministic site": (derived, True),
    "improper prior": (improper, True),
    "parameter": (parameter, True),
    "batch dims without a plate": (undeclared, False),
    "a latent for each value": (local, False),
    "more coordinates than there is room": (many, False),
    "single precision": (single, False),
}


@pytest.fixture
def looked_first(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows when a density is compiled after the sites have been found, as in the other way."""
    calls: list[None] = []
    other = compiled._compiled

    def noting(*args: Any) -> Any:
        calls.append(None)
        return other(*args)

    monkeypatch.setattr(compiled, "_compiled", noting)
    return calls


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("long", [False, True])
def test_it_is_the_density_of_the_model(
    name: str, long: bool, looked_first: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, drafted = MODELS[name]
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0 if long else torch.inf)
    density = compile_density(model)
    assert (not looked_first) is drafted
    exact = ModelDensity(model)
    assert density.dim == exact.dim
    x = 0.3 * torch.randn(2, exact.dim, dtype=exact.reference.dtype)
    expected = exact.value_and_grad(x)
    for found, right in zip(density.value_and_grad(x), expected, strict=True):
        torch.testing.assert_close(found, right)


def test_a_long_model_runs_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0)
    monkeypatch.setattr("pyro.compile.verify.PATIENCE", torch.inf)
    gradients = []

    def counted() -> None:
        gradients.append(torch.is_grad_enabled())
        chain()

    compile_density(counted)
    assert gradients == [True, False]


def branching() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(1.0 if x > 0 else -1.0, 1.0), obs=DATA[0])


def subsampling() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 3, subsample_size=2) as index:
        pyro.sample("y", dist.Normal(x, 1.0), obs=DATA[index])


def drawing() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(x, 1.0), obs=torch.randn(()))


def foreign() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    shift = float(np.random.default_rng().random())
    pyro.sample("y", dist.Normal(x + shift, 1.0), obs=DATA[0])


def wrong_parameter() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(x, -1.0), obs=DATA[0])


def counts() -> None:
    pyro.sample("n", dist.Poisson(3.0))


def not_random() -> None:
    pyro.sample("y", dist.Normal(0.0, 1.0), obs=DATA[0])


def growing() -> Model:
    """One more site in each run."""
    count = itertools.count(1)

    def model() -> None:
        for i in range(next(count)):
            pyro.sample(f"x_{i}", dist.Normal(0.0, 1.0))

    return model


@pytest.mark.parametrize(
    ("model", "error", "text"),
    [
        (branching, NotCapturable, "control flow.*\n?.*test_draft"),
        (subsampling, SubsampleError, "draws 2 of 3"),
        (drawing, NotCapturable, "draws random numbers"),
        (foreign, NotCapturable, "compiled and eager value differ"),
        (wrong_parameter, ValueError, "parameter scale"),
        (counts, pyro.errors.SiteError, "discrete"),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
@pytest.mark.parametrize("long", [False, True])
def test_errors_are_those_of_the_other_way(
    model: Model,
    error: type[Exception],
    text: str,
    long: bool,
    looked_first: list[None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0 if long else torch.inf)
    with pytest.raises(error, match=text):
        compile_density(model)


def test_a_model_without_coordinates() -> None:
    assert compile_density(not_random).dim == 0


def test_runs_with_other_sites_are_noticed(looked_first: list[None]) -> None:
    with pytest.raises(Exception, match="x_"):
        compile_density(growing())
    assert looked_first


def test_it_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither draws nor statistics of layers change while a model is drafted in vain."""
    layer = torch.nn.BatchNorm1d(2)
    before = {name: value.clone() for name, value in layer.state_dict().items()}

    def model() -> None:
        x = pyro.sample("x", dist.Normal(torch.zeros(3, 2), 1.0).to_event(2))
        pyro.factor("term", layer(x).sum())
        np.random.random()

    state = torch.get_rng_state(), np.random.get_state()[2]
    assert compiled._drafted(model, (), {}) is None
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.random.get_state()[2] == state[1]
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name])
