"""The models of the benchmarks at small sizes, as machine code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import torch

from pyro.compile import NativeDensity
from pyro.infer import compile_density

BENCHMARKS = str(Path(__file__).resolve().parents[2] / "benchmarks")
SIZES: dict[str, dict[str, int]] = {
    "eight_schools": {},
    "logistic": {"rows": 203, "columns": 7},
    "poisson": {"rows": 103, "columns": 5},
    "negative_binomial": {"rows": 53, "columns": 3},
    "hierarchical_glm": {"rows": 101, "columns": 3, "groups": 13},
    "gaussian_process": {"points": 23},
    "dirichlet_multinomial": {"documents": 21, "words": 7, "length": 11, "kinds": 3},
    "hmm": {"steps": 5, "states": 3},
    "lkj_normal": {"rows": 19, "dim": 4},
    "neural_network": {"rows": 37, "columns": 9},
    "ar2": {"length": 45},
    "stochastic_volatility": {"length": 37},
    "radon": {"rows": 91, "groups": 11},
    "item_response": {"people": 23, "questions": 7},
    "scalar_sites": {"sites": 9},
    "gaussian_mixture": {"rows": 41, "kinds": 3},
}


def arguments(name: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """The model, and its data in float64."""
    if BENCHMARKS not in sys.path:
        sys.path.insert(0, BENCHMARKS)
    folder = f"models.{name}"
    made = importlib.import_module(f"{folder}.data").make(**SIZES[name])
    data = {key: torch.as_tensor(value) for key, value in made.items()}
    return importlib.import_module(f"{folder}.pyro_model").model, data


def compiled(name: str, dtype: torch.dtype = torch.float64) -> NativeDensity:
    """The density of a model, computed in float64 by torch as well; ``dtype``: its arrays."""
    model, data = arguments(name)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return compile_density(model, dtype=dtype, **data)
    finally:
        torch.set_default_dtype(before)
