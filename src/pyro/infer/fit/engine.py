"""What makes the steps of a loop."""

from __future__ import annotations

from typing import Literal, NamedTuple


class StepEngine(NamedTuple):
    """What :meth:`~pyro.infer.SVI.step` runs on.

    :param name: ``"machine code"`` or ``"torch"``, of the last step.
    :param compiled_steps: How many steps were made in machine code.
    :param reason: Why steps are made in torch, if there is another reason than that they were few.
    """

    name: Literal["machine code", "torch"]
    compiled_steps: int
    reason: str | None
