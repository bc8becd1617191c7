"""Runs of SVI: steps, and what surrounds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.first_use import imports_on_first_use
from pyro.infer.fit.result import SVIResult

if TYPE_CHECKING:
    from pyro.infer.fit.chosen_steps import ChosenSteps
    from pyro.infer.fit.compiled.steps import CompiledSteps
    from pyro.infer.fit.graph.steps import GraphSteps
    from pyro.infer.fit.loops.stepper import Stepper

__all__ = ["ChosenSteps", "CompiledSteps", "GraphSteps", "SVIResult", "Stepper"]

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "ChosenSteps": "chosen_steps",
        "CompiledSteps": "compiled.steps",
        "GraphSteps": "graph.steps",
        "Stepper": "loops.stepper",
    }.__getitem__,
)
