"""Cases of continuous families of our own."""

from __future__ import annotations

from tests.laws.distribution_case import Case

CONTINUOUS: list[Case] = []
