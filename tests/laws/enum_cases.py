"""The table of programs with enumerated sites."""

from __future__ import annotations

from tests.laws import enum_chains, enum_guides, enum_plates
from tests.laws.enum_case import CASES, Case, Params, no_guide
from tests.laws.enum_guides import SAMPLED

__all__ = [
    "CASES",
    "SAMPLED",
    "Case",
    "Params",
    "enum_chains",
    "enum_guides",
    "enum_plates",
    "no_guide",
]
