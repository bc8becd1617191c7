"""One run shows what two do: where plates end and enumeration begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer import compile_density
from pyro.infer.errors import SubsampleError
from pyro.infer.model import look as looks
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import init_to_uniform
from pyro.infer.model.look import Look, look
from tests.infer.model.programs import chain, local, mixture, undeclared

DATA = torch.tensor([1.0, -0.5, 2.0])


def nested(depth: int) -> Callable[[], None]:
    def model() -> None:
        scale = pyro.sample("scale", dist.Exponential(1.0))
        with ExitStack() as plates:
            for dim in range(depth):
                plates.enter_context(pyro.plate(f"plate_{dim}", 2, dim=-1 - dim))
            z = pyro.sample("z", dist.Categorical(torch.ones(3)))
            pyro.sample("y", dist.Normal(1.0 * z, scale), obs=torch.ones((2,) * depth))

    return model


def derived() -> None:
    z = pyro.sample("z", dist.Categorical(torch.ones(2)))
    w = pyro.sample("w", dist.Normal(0.0, 1.0))
    pyro.deterministic("square", w * z**2)
    pyro.sample("x", dist.Normal(w * z, 1.0), obs=torch.tensor(0.3))


def branching() -> None:
    """What enumeration cannot do is said by the last run."""
    z = pyro.sample("z", dist.Bernoulli(0.5))
    pyro.sample("x", dist.Normal(1.0 if z else -1.0, 1.0), obs=torch.tensor(0.3))


MODELS: dict[str, tuple[Callable[[], None], int]] = {
    "chain": (chain, 1),
    "mixture": (mixture, 1),
    "as many plates as there is room": (nested(looks.ROOM), 1),
    "more plates": (nested(looks.ROOM + 1), 3),
    "batch dims without a plate": (undeclared, 2),
    "a latent for each value": (local, 3),
    "derived": (derived, 3),
}


def runs(model: Callable[[], None]) -> tuple[Look, int]:
    count = []

    def counted() -> None:
        count.append(None)
        model()

    return look(counted, (), {}, init_to_uniform), len(count)


@pytest.mark.parametrize("name", MODELS)
def test_it_shows_what_exact_runs_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, most = MODELS[name]
    found, count = runs(model)
    assert count == most
    monkeypatch.setattr(looks, "_enumerated", lambda *args: None)
    exact, _ = runs(model)
    assert found[1] == exact[1]
    assert found[3] == exact[3]
    assert list(found.trace.nodes) == list(exact.trace.nodes)
    monkeypatch.undo()
    density = ModelDensity(model)
    monkeypatch.setattr(looks, "_enumerated", lambda *args: None)
    expected = ModelDensity(model)
    assert density.flat == expected.flat
    assert density.max_plate_nesting == expected.max_plate_nesting
    for site in expected.layout:
        assert density.layout[site.name].shape == site.shape


@pytest.mark.parametrize("name", MODELS)
def test_its_density_is_known(name: str) -> None:
    density = ModelDensity(MODELS[name][0])
    point, value = density.known_value()
    torch.testing.assert_close(value, density.value(point))
    assert not any("log_prob" in site for site in density.prototype.nodes.values())


def test_errors_are_those_of_the_model() -> None:
    with pytest.raises(RuntimeError, match="ambiguous"):
        runs(branching)


def test_subsamples_are_refused_at_once() -> None:
    def model() -> None:
        with pyro.plate("data", 3, subsample_size=2) as index:
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=DATA[index])

    with pytest.raises(SubsampleError, match="data"):
        runs(model)


def test_long_models_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0)
    monkeypatch.setattr("pyro.compile.verify.PATIENCE", torch.inf)
    torch.set_default_dtype(torch.float64)
    try:
        count = []

        def counted() -> None:
            count.append(None)
            chain()

        compile_density(counted)
        assert len(count) == 2
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("steps", [17, 20, 21, 40, 41])
def test_chains_of_any_length_compile(steps: int) -> None:
    """The rows of even and of odd steps come from two arrays."""
    torch.set_default_dtype(torch.float64)
    try:
        density, eager = compile_density(chain, steps), ModelDensity(chain, steps)
        x = torch.randn(density.dim)
        for found, expected in zip(density.value_and_grad(x), eager.value_and_grad(x), strict=True):
            torch.testing.assert_close(found, expected)
    finally:
        torch.set_default_dtype(torch.float32)
