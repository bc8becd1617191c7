"""Each guide of each model is the same posterior in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.laws.guide_cases import GUIDES, PAIRS, ModelCase
from tests.laws.saved_guides import Posterior, key, posterior, rows, save

Table = dict[str, Posterior]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, Table]:
    """What was saved here, and what one other process makes of it."""
    folder = tmp_path_factory.mktemp("guides")
    saved = save(folder)
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [sys.executable, "-m", "tests.laws.saved_guides", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths})
    return saved, torch.load(folder / "restored")


@pytest.mark.parametrize(
    ("way", "name", "case"), [pytest.param(*row, id=key(*row)) for row in rows()]
)
def test_a_new_process_has_the_same_posterior(
    way: str, name: str, case: ModelCase, both: tuple[Table, Table]
) -> None:
    saved, restored = (table[key(way, name, case)] for table in both)
    assert saved.keys() == restored.keys()
    for what, values in saved.items():
        assert values.keys() == restored[what].keys()
        for site, value in values.items():
            torch.testing.assert_close(restored[what][site], value, msg=f"{what} of {site}")


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_without_its_file_is_another(name: str, both: tuple[Table, Table]) -> None:
    """The law above can fail."""
    case = next(case for guide, case in PAIRS if guide == name)
    fresh = posterior(name, GUIDES[name](case.model), case)["draw"]
    saved = both[0][key("state dict", name, case)]["draw"]
    assert all(not torch.equal(value, saved[site]) for site, value in fresh.items() if site != "z")
