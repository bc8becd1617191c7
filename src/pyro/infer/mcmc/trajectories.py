"""How the trajectories of HMC and NUTS are made and adapted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pyro.infer.errors import InferenceError

FullMass = bool | Sequence[tuple[str, ...]]
Adaptation = Literal["fisher", "stan"]
Kind = Literal["nuts", "hmc", "chees", "walk"]
VECTORIZED_ONLY = ("chees", "walk")
"""The kinds of which there are no native samplers."""


@dataclass(frozen=True)
class Trajectories:
    """How trajectories are made and adapted; the fields are those of the kernels' arguments.

    ``num_steps`` and ``trajectory_length`` are None for NUTS, which chooses its own;
    ``low_rank`` is None if warm-up decides.
    """

    kind: Kind
    step_size: float
    target_accept_prob: float
    adapt_step_size: bool = True
    adapt_mass_matrix: bool = True
    full_mass: FullMass = False
    adaptation: Adaptation = "fisher"
    low_rank: bool | None = False
    multinomial: bool = True
    max_tree_depth: int = 10
    trajectory_length: float | None = None
    num_steps: int | None = None
    min_step_size: float = 0.0
    max_step_size: float = math.inf

    def __post_init__(self) -> None:
        _check("step_size", self.step_size, self.step_size > 0, "a positive number")
        target = self.target_accept_prob
        _check("target_accept_prob", target, 0 < target < 1, "between 0 and 1")
        _check("max_tree_depth", self.max_tree_depth, self.max_tree_depth >= 1, "at least 1")
        steps = self.num_steps
        _check("num_steps", steps, steps is None or steps >= 1, "at least 1")
        length = self.trajectory_length
        _check("trajectory_length", length, length is None or length > 0, "a positive number")
        least, most = self.min_step_size, self.max_step_size
        _check("min_stepsize", least, least >= 0, "at least 0")
        _check("max_stepsize", most, most > least, f"above min_stepsize={least}")
        if self.adaptation not in ("fisher", "stan"):
            raise InferenceError(
                f"adaptation is 'fisher' (draws and gradients) or 'stan' (draws), but got "
                f"{self.adaptation!r}"
            )


def _check(name: str, value: Any, good: bool, wanted: str) -> None:
    if not good:
        raise InferenceError(f"{name} must be {wanted}, but got {value!r}")
