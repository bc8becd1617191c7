"""Steps whose loss and gradients are a graph of torch's operations; the update is torch's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from pyro.compile.not_capturable import reason_of
from pyro.compile.verify import difference
from pyro.infer.fit.graph.tape import Evaluation, GraphTape
from pyro.infer.fit.steps.call import Call, EagerStep, Objective, strict
from pyro.infer.fit.steps.comparison import (
    OTHER_GRADIENTS,
    gradients_of,
    in_order,
    loss_difference,
    precision_of,
)
from pyro.infer.fit.steps.engine import EngineName, Kind
from pyro.infer.fit.steps.maker import MakeOnce
from pyro.infer.fit.steps.memory import TorchMemory
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.taken import Comparison, Recorded, Taken
from pyro.optim.optim import PyroOptim


@final
class Graphs:
    """Makes steps as graphs, one by one.

    A step is recorded after torch has made it, and the next is made both ways. Graphs draw what the
    steps themselves would draw, so nothing depends on who makes a step.

    :param step: Makes a step in torch.
    :param objective: The loss as a tensor; or why there is none.
    :param optim: The optimiser.
    :param changing: Whether each step has other tensors as arguments.
    :param kind: ``"graph"``, or ``"inductor"`` with kernels by ``torch.compile``.
    :param compiled: Which part of the programs ``torch.compile`` has compiled, in a sentence. Such
        a step is no graph of torch's operations, but a GPU can capture it.
    :param is_strict: Whether something that is not finite is an error.
    """

    way = "as a graph"
    resumable = None  # random numbers are the generators' own

    def __init__(
        self,
        step: EagerStep,
        objective: Objective | str,
        optim: PyroOptim,
        changing: bool = False,
        kind: Kind = "graph",
        compiled: str | None = None,
        is_strict: bool = True,
    ) -> None:
        self._step = strict(step) if is_strict else step
        self._objective, self._optim = objective, optim
        self._kind, self._compiled_part = kind, compiled
        self.changing = changing
        self.memory = TorchMemory(optim)

    @property
    def why_not(self) -> str | None:
        """Why there can be no graph."""
        return self._objective if isinstance(self._objective, str) else None

    def engine(self, leaves: Mapping[str, Tensor]) -> EngineName:
        """Its name: on a GPU, graphs are CUDA's."""
        return "CUDA graph" if any(leaf.is_cuda for leaf in leaves.values()) else "graph"

    def restart(self) -> None:
        """Nothing is to be done."""

    follow_schedule = restart

    # ------------------------------------------------------------ as a graph

    def is_current(self, tape: GraphTape) -> bool:
        """Whether the parameters are where they were."""
        return tape.is_current()

    def run(
        self, tape: GraphTape, most: int, call: Call, count: int
    ) -> tuple[Sequence[Loss], bool]:
        """Make a step, or nothing if it cannot be made as a graph."""
        found = tape.attempt(call)
        if found is None:
            return (), True
        self._update(tape, found)
        return (found.loss,), False

    def _update(self, tape: GraphTape, found: Evaluation) -> None:
        try:
            for leaf, gradient in zip(tape.moved, found.gradients, strict=True):
                leaf.grad = gradient
            self._optim(tape.leaves)
        finally:
            torch.clear_autocast_cache()
            for leaf in tape.moved:
                leaf.grad = None

    def once(self, tape: GraphTape) -> MakeOnce | None:
        """None: there is no quicker way."""
        return None

    # ------------------------------------------------------------ in torch

    def foretold(self, call: Call) -> Mapping[str, Tensor] | None:
        """Nothing: the leaves decide about the kind of graph, and steps show them."""
        return None

    def as_ever(self, call: Call) -> Taken[GraphTape]:
        """A step in torch."""
        return Taken(*self._step(call.args, call.kwargs))

    def _make(self, call: Call) -> tuple[Loss, dict[str, Tensor], dict[str, Tensor]]:
        """A step in torch: the loss, the leaves, and the gradients of those that have one."""
        seen: dict[str, Tensor] = {}
        loss, leaves = self._step(
            call.args, call.kwargs, lambda found: seen.update(gradients_of(found))
        )
        return loss, leaves, seen

    def record(self, call: Call, count: int, known: Mapping[str, Tensor]) -> Taken[GraphTape]:
        """A step in torch, and a graph of it."""
        loss, leaves, gradients = self._make(call)
        if leaves.keys() - known.keys():
            return Taken(loss, leaves)
        return Taken(loss, leaves, self._recorded(call, leaves, list(gradients)))

    def _recorded(
        self, call: Call, leaves: Mapping[str, Tensor], moved: Sequence[str]
    ) -> Recorded[GraphTape]:
        assert not isinstance(self._objective, str)
        if self._compiled_part is not None and self.engine(leaves) != "CUDA graph":
            return Recorded(None, self._compiled_part)
        try:
            tape = GraphTape(
                self._objective,
                leaves,
                moved,
                call,
                self.changing,
                self._kind,
                records=self._compiled_part is None,
            )
        except Exception as error:  # a failure of the program itself shows when it is run
            return Recorded(None, reason_of(error))
        return Recorded(tape)

    def both_ways(self, tape: GraphTape, call: Call, count: int) -> Taken[GraphTape]:
        """A step in torch, compared with what the graph says of it."""
        foreseen = tape.foresee(call)
        loss, leaves, gradients = self._make(call)
        comparison = None
        if foreseen is not None:
            expected = in_order(gradients, leaves, tape.moved)
            comparison = Comparison(_difference(foreseen, loss, expected))
        return Taken(loss, leaves, comparison=comparison)

    def audit(self, tape: GraphTape, call: Call, count: int) -> Comparison | None:
        """None: torch cannot say what a step is without drawing its random numbers."""
        return None


def _difference(found: Evaluation, loss: Loss, gradients: Sequence[Tensor] | None) -> str | None:
    """How the loss or a gradient differs beyond rounding."""
    if gradients is None:
        return OTHER_GRADIENTS
    for ours, theirs in zip(found.gradients, gradients, strict=True):
        wrong = difference(ours.reshape(-1), theirs.reshape(-1))
        if wrong is not None:
            return wrong
    return loss_difference(found.loss, loss, precision_of(gradients))


__all__ = ["Graphs"]
