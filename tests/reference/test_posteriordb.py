"""Samplers against the reference draws of real posteriors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
from pyro.infer import MCMC, NUTS
from pyro.infer.mcmc.results.convergence import mcse_mean, r_hat
from tests.reference.posteriors import POSTERIORS

QUICK = ["eight_schools-eight_schools_noncentered", "kidiq-kidscore_momiq", "sblri-blr"]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_all_posteriors_are_here(posteriordb: Path) -> None:
    assert POSTERIORS.keys() == json.loads((posteriordb / "reference.json").read_text()).keys()


@pytest.mark.parametrize("name", QUICK)
def test_native_quick(posteriordb: Path, name: str) -> None:
    judge(posteriordb, name, "auto", 1000)


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTERIORS)
def test_native(posteriordb: Path, name: str) -> None:
    judge(posteriordb, name, "auto", 4000)


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTERIORS)
def test_batched(posteriordb: Path, name: str) -> None:
    judge(posteriordb, name, "vectorized", 2000)


def judge(posteriordb: Path, name: str, method: str, draws: int) -> None:
    """The criterion of the reference: |mean - reference| within 5 combined Monte Carlo errors and
    0.15 sd, sd within 15 %, R-hat < 1.01, no divergences.

    The chance that a right sampler fails at one of the 162 means by five errors is below 1e-4.
    """
    reference = json.loads((posteriordb / "reference.json").read_text())[name]
    data = json.loads((posteriordb / reference["data"]).read_text())
    kernel = NUTS(POSTERIORS[name](data), target_accept_prob=0.95)
    pyro.set_rng_seed(20)
    mcmc = MCMC(kernel, draws, 1000, num_chains=4, chain_method=method, disable_progbar=True)
    mcmc.run()
    samples = mcmc.get_samples(group_by_chain=True)
    wrong = [
        text
        for parameter, expected in reference["parameters"].items()
        for text in compare(parameter, element(samples, parameter), expected)
    ]
    divergences = sum(map(len, mcmc.diagnostics()["divergences"].values()))
    if divergences > 0:
        wrong.append(f"{divergences} divergences")
    assert not wrong, f"{mcmc.engine}: {wrong}"


def element(samples: dict[str, Tensor], parameter: str) -> Tensor:
    """The draws of a parameter: ``theta[3]`` is the third element of the site theta."""
    found = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", parameter)
    assert found is not None
    draws = samples[found[1]]
    return draws if found[2] is None else draws[..., int(found[2]) - 1]


def compare(parameter: str, draws: Tensor, expected: dict[str, Any]) -> list[str]:
    mean, sd = draws.mean().item(), draws.flatten().std().item()
    error = math.hypot(float(mcse_mean(draws)), expected["sd"] / math.sqrt(expected["draws"]))
    away = abs(mean - expected["mean"])
    found = []
    if away > 5 * error or away > 0.15 * expected["sd"]:
        found.append(f"{parameter}: mean {mean:.5g}, reference {expected['mean']:.5g}")
    if not 0.85 < sd / expected["sd"] < 1.15:
        found.append(f"{parameter}: sd {sd:.5g}, reference {expected['sd']:.5g}")
    if not r_hat(draws) < 1.01:
        found.append(f"{parameter}: R-hat {float(r_hat(draws)):.3f}")
    return found
