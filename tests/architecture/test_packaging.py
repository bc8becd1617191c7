"""The version gate of programs, and the pins of what an installation brings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyro.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
]


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def test_version_passes_the_gate_of_programs() -> None:
    assert __version__.startswith("1.9.1+native.")
    assert Version(__version__).release == (1, 9, 1)


def test_every_constraint_pins_one_version() -> None:
    for requirement in pins().values():
        assert re.fullmatch(r"==[\d.]+", str(requirement.specifier)), requirement


@pytest.mark.parametrize("requirement", REQUIRED, ids=str)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    if canonicalize_name(requirement.name) == canonicalize_name(PROJECT["name"]):
        return
    (pin,) = pins()[canonicalize_name(requirement.name)].specifier
    assert requirement.specifier.contains(pin.version)
