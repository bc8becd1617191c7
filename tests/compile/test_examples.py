"""The models of the examples are machine code: values and gradients are those of torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import pyro
from pyro.infer import compile_density
from pyro.infer.model.density import ModelDensity
from pyro.primitives.validation import validation_enabled

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import by name."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


def iris_like() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(30, 4, generator=generator)


# The mixture has a Wishart site, for which there is no density in unconstrained coordinates; the
# topic model draws the starts of its parameters in the model, which is a random draw.
MODELS: dict[str, tuple[str, Callable[[Any], tuple[Any, tuple[Any, ...]]]]] = {
    "eight schools": ("eight_schools", lambda m: (m.model, (m.STDDEV, m.EFFECT))),
    "eight schools, centred": ("eight_schools_guides", lambda m: (m.centred, (m.STDDEV, m.EFFECT))),
    "baseball, pooled": ("baseball", lambda m: (m.fully_pooled, (torch.full((18,), 45.0), m.HITS))),
    "baseball, apart": ("baseball", lambda m: (m.not_pooled, (torch.full((18,), 45.0), m.HITS))),
    "baseball, partly": (
        "baseball",
        lambda m: (m.partially_pooled, (torch.full((18,), 45.0), m.HITS)),
    ),
    "item response": ("item_response", lambda m: (m.model, (m.PATTERNS, m.COUNTS))),
    "growth": (
        "logistic_growth",
        lambda m: (m.model, (torch.arange(11.0), 11, m.YEAST.sizes[:11] / m.YEAST.sizes[0])),
    ),
    "horseshoe": ("sparse_regression", lambda m: (m.model, (iris_like(), 0.1, iris_like()[:, 0]))),
    "sleep": ("hierarchical_regression", lambda m: (m.model, (m.data(),))),
    "network": ("bayesian_network", lambda m: (m.Network(4, 3), (iris_like(), iris_like()[:, 0]))),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, example: Callable[[str], Any]) -> None:
    pyro.set_rng_seed(0)
    module, pick = MODELS[name]
    model, args = pick(example(module))
    density = compile_density(model, *args)
    assert density.report().called_out == ()
    with validation_enabled(False):
        eager = ModelDensity(model, *args)
        generator = torch.Generator().manual_seed(3)
        points = torch.randn(3, density.dim, generator=generator) / 4
        for x in points:
            found, expected = density.value_and_grad(x), eager.value_and_grad(x)
            scale = 1e-4 * max(1.0, float(expected[1].abs().max()))  # the model is in float32
            torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-3)
            torch.testing.assert_close(found[1], expected[1], rtol=1e-3, atol=scale)
