"""Configurations refuse what has no meaning, and say what would have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyro.errors import SamplerConfigError, ShapeError
from pyro.native import HmcConfig, KernelConfig, NutsConfig, Sampler, target

REFUSED: list[tuple[type[KernelConfig], dict[str, Any], str]] = [
    (NutsConfig, {"warmup": -1}, "warmup must be at least 0, and is -1"),
    (NutsConfig, {"target_accept": 1.0}, "target_accept"),
    (NutsConfig, {"step_size": 0.0}, "step_size"),
    (NutsConfig, {"step_size": float("inf")}, "step_size"),
    (NutsConfig, {"step_size_jitter": 1.0}, "step_size_jitter"),
    (NutsConfig, {"metric": "round"}, "metric must be one of"),
    (NutsConfig, {"rule": "none"}, "rule must be one of"),
    (NutsConfig, {"rule": "stan", "metric": "low_rank"}, "rule"),
    (NutsConfig, {"rule": "stan", "metric": "automatic"}, "rule"),
    (NutsConfig, {"blocks": [[0]]}, "blocks"),
    (NutsConfig, {"max_tree_depth": 0}, "max_tree_depth"),
    (NutsConfig, {"max_energy_error": 0.0}, "max_energy_error"),
    (NutsConfig, {"eigenvalue_cutoff": 0.5}, "eigenvalue_cutoff"),
    (NutsConfig, {"regularisation": -1.0}, "regularisation"),
    (NutsConfig, {"max_rank": -1}, "max_rank"),
    (HmcConfig, {"trajectory_length": 0.0}, "trajectory_length"),
    (HmcConfig, {"num_steps": 0}, "num_steps"),
    (HmcConfig, {"max_steps": 0}, "max_steps"),
]


@pytest.mark.parametrize(("kind", "values", "message"), REFUSED)
def test_refused(kind: type[KernelConfig], values: dict[str, Any], message: str) -> None:
    with pytest.raises(SamplerConfigError, match=message):
        kind(**values)


@pytest.mark.parametrize("blocks", [[[0, 1], [1]], [[2]], [[-1]]])
def test_blocks_that_do_not_fit(blocks: list[list[int]]) -> None:
    config = NutsConfig(metric="dense", blocks=blocks)
    with pytest.raises(SamplerConfigError, match="disjoint sets of coordinates below 2"):
        Sampler(target("normal", 2, [1, 1]), config, np.zeros((1, 2)), 0)


def test_positions_and_metric_that_do_not_fit() -> None:
    density = target("normal", 2, [1, 1])
    with pytest.raises(ShapeError, match=r"\[chains, 2\], and have \(2,\)"):
        Sampler(density, NutsConfig(), np.zeros(2), 0)
    for metric in (np.ones(3), np.array([1.0, 0.0])):
        with pytest.raises(ShapeError, match="2 positive numbers"):
            Sampler(density, NutsConfig(), np.zeros((1, 2)), 0, inverse_metric=metric)
