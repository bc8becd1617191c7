"""Random operations as functions of a key, so that a run can be repeated, and compiled."""

from __future__ import annotations

from pyro.compile.draws.counted import Counted
from pyro.compile.draws.keyed import Keyed
from pyro.compile.draws.noise import Key, Noise, make_key
from pyro.compile.draws.rules import RULES

__all__ = ["RULES", "Counted", "Key", "Keyed", "Noise", "make_key"]
