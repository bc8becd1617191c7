"""What makes the steps of a loop."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["graph", "inductor"]
EngineName = Literal["torch", "machine code", "graph", "CUDA graph"]


class StepEngine(NamedTuple):
    """What :meth:`~pyro.infer.SVI.step` runs on.

    :param name: ``"machine code"``, ``"graph"``, ``"CUDA graph"`` or ``"torch"``, of the last step.
    :param compiled_steps: How many steps were not made in torch.
    :param reason: Why steps are made in torch, if there is another reason than that they were few.
    """

    name: EngineName
    compiled_steps: int
    reason: str | None
