"""Every family that is exported has a row in the table, and so all the laws."""

from __future__ import annotations

import inspect

import torch.distributions as td

import pyro.distributions as dist
from tests.laws.distribution_cases import CASES

STRUCTURAL = {"Distribution", "ExponentialFamily", "TorchDistribution", "TorchDistributionMixin"}
WITHOUT_DENSITY = {"LinearHMM"}  # tests/distributions/test_linear_hmm.py compares its moments


def families() -> set[str]:
    """The exported classes of distributions."""
    return {
        name
        for name in dist.__all__
        if inspect.isclass(getattr(dist, name))
        and issubclass(getattr(dist, name), dist.Distribution | td.Distribution)
    }


def in_table() -> set[str]:
    """The families of all rows, with those that they are made of."""
    seen: set[str] = set()
    found: list[object] = [case.build() for case in CASES]
    while found:
        part = found.pop()
        seen.add(type(part).__name__)
        found.extend(value for value in vars(part).values() if isinstance(value, td.Distribution))
    return seen


def test_every_family_has_a_row() -> None:
    assert families() - in_table() == STRUCTURAL | WITHOUT_DENSITY
