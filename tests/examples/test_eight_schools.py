"""The eight-schools example against the reference posterior."""

import importlib
import json
from pathlib import Path

import pytest

import pyro

REFERENCE = "eight_schools-eight_schools_noncentered"


def test_posterior_is_near_the_reference(posteriordb: Path) -> None:
    reference = json.loads((posteriordb / "reference.json").read_text())[REFERENCE]["parameters"]
    eight_schools = importlib.import_module("eight_schools")
    pyro.set_rng_seed(1)
    eight_schools.fit()
    draws = eight_schools.posterior()
    assert draws["theta"].shape == (4000, 8)
    columns = {"mu": draws["mu"], "tau": draws["tau"]}
    columns |= {f"theta[{j + 1}]": draws["theta"][:, j] for j in range(8)}
    for name, column in columns.items():
        # A Gaussian guide is not exact: means within a third of a standard deviation, standard
        # deviations within 40 %.
        mean, sd = reference[name]["mean"], reference[name]["sd"]
        assert float(column.mean()) == pytest.approx(mean, abs=sd / 3), name
        assert float(column.std()) == pytest.approx(sd, rel=0.4), name


def test_table_has_a_row_per_latent() -> None:
    eight_schools = importlib.import_module("eight_schools")
    eight_schools.fit(num_steps=20)
    rows = [line.split() for line in eight_schools.table(eight_schools.posterior(500)).splitlines()]
    assert [row[0] for row in rows] == ["mean", "mu", "tau", *(f"theta[{s}]" for s in "ABCDEFGH")]
    for name, *numbers in rows[1:]:
        _mean, sd, low, median, high = map(float, numbers)
        assert sd > 0 and low < median < high, name
