"""Runs of SVI: steps, and what surrounds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.first_use import imports_on_first_use
from pyro.infer.fit.result import SVIResult

if TYPE_CHECKING:
    from pyro.infer.fit.compiled.forecast import forecast
    from pyro.infer.fit.compiled.machine_code import MachineCode
    from pyro.infer.fit.graph.graphs import Graphs
    from pyro.infer.fit.loops.stepper import Stepper
    from pyro.infer.fit.steps.chosen import ChosenSteps
    from pyro.infer.fit.steps.trusted import TrustedSteps

__all__ = [
    "ChosenSteps",
    "Graphs",
    "MachineCode",
    "SVIResult",
    "Stepper",
    "TrustedSteps",
    "forecast",
]

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "ChosenSteps": "steps.chosen",
        "Graphs": "graph.graphs",
        "MachineCode": "compiled.machine_code",
        "Stepper": "loops.stepper",
        "TrustedSteps": "steps.trusted",
        "forecast": "compiled.forecast",
    }.__getitem__,
)
