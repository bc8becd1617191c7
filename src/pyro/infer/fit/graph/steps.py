"""Steps made as graphs of torch's operations, after some that prove them right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile import switch
from pyro.compile.not_capturable import reason_of
from pyro.compile.verify import difference
from pyro.infer.fit.graph.generators import Generators
from pyro.infer.fit.graph.tape import Evaluation, GraphTape, device_of
from pyro.infer.fit.steps.call import Call, EagerStep, Objective
from pyro.infer.fit.steps.comparison import gradients_of, precision_of
from pyro.infer.fit.steps.engine import EngineName, Kind
from pyro.infer.fit.steps.form import signature_of
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.snapshot import Snapshot, State
from pyro.infer.not_finite import raising
from pyro.logger import log
from pyro.optim.optim import PyroOptim

_CHECKS = 1
_AUDIT = 64
_MOST_SIGNATURES = 8
_MOST_REFUSALS = 20


@dataclass
class _Stage:
    """How far the graph for one kind of arguments is.

    :param call: Keeps the arguments alive by whose identity it is found.
    :param checks: Steps that are to be made both ways.
    :param audit: The number of steps at which one more is compared.
    :param refusals: How many steps in a row could not be made.
    :param inherited: Whether the graph is of an earlier run; if it is wrong, it is made anew.
    """

    call: Call
    tape: GraphTape | None = None
    checks: int = _CHECKS
    audit: int = _AUDIT
    refusals: int = 0
    inherited: bool = False


@final
class GraphSteps:
    """Steps whose loss and gradients are a graph of torch's operations; the update is torch's own.

    The first step is made as ever, and so is the second, which is recorded; the third is made both
    ways and compared, and so is one after 64, 256, 1024, ... steps. Graphs draw what the steps
    themselves would draw, so nothing depends on who makes a step.

    :param step: Makes a step in torch.
    :param objective: The loss as a tensor; or why there is none.
    :param optim: The optimiser.
    :param changing: Whether each step has other tensors as arguments.
    :param kind: ``"graph"``, or ``"inductor"`` with kernels by ``torch.compile``.
    :param compiled: Which part of the programs ``torch.compile`` has compiled, in a sentence. Such
        a step is no graph of torch's operations, but a GPU can capture it.
    :param after: How many steps are made in torch before the first that is recorded.
    :param name: What the log calls it.
    :param strict: Whether something that is not finite is an error.
    """

    def __init__(
        self,
        step: EagerStep,
        objective: Objective | str,
        optim: PyroOptim,
        changing: bool = False,
        kind: Kind = "graph",
        compiled: str | None = None,
        after: int = 1,
        name: str = "SVI.run",
        strict: bool = True,
    ) -> None:
        self._step, self._objective, self._optim = step, objective, optim
        self._changing, self._kind, self._compiled_part = changing, kind, compiled
        self._name, self._strict = name, strict
        self._stages: dict[Any, _Stage] = {}
        self.leaves: dict[str, Tensor] = {}
        self.compiled = 0
        self.reason: str | None = None
        self._after, self._count = after, 0
        if not switch.ENABLED:
            self.reason = "compile_enabled is False"
        elif isinstance(objective, str):
            self.give_up(objective)

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
        call, made = Call(args, kwargs), 0
        while made < n:
            is_early = self._count < self._after or not self.leaves
            stage = None if is_early or self.reason is not None else self._stage(call)
            if stage is not None and self._is_trusted(stage):
                loss = self._as_graph(stage, call)
                if loss is not None:
                    made += 1
                    yield (loss,)
                    continue
                stage.refusals += 1
                if stage.refusals > _MOST_REFUSALS:
                    self.give_up("steps take another branch of a library than the recorded one")
            yield (self._eagerly(stage, call),)
            made += 1

    @property
    def engine(self) -> EngineName:
        """What makes steps that are compiled."""
        on_gpu = any(leaf.is_cuda for leaf in self.leaves.values())
        return "CUDA graph" if on_gpu else "graph"

    @property
    def may_go_on(self) -> bool:
        """Whether another run can use these steps."""
        return self.reason is None and switch.ENABLED

    def restart(self, after: int) -> None:
        """Begin another run, with the graphs that are there; one step will be made both ways."""
        self._after, self._count, self.compiled = after, 0, 0
        for key in list(self._stages)[:-1] if not self._changing else ():
            del self._stages[key]
        for stage in self._stages.values():
            stage.checks, stage.audit, stage.refusals, stage.inherited = 1, _AUDIT, 0, True

    def forget(self) -> None:
        """Begin anew with recording: something that programs read has changed."""
        self._stages.clear()

    def settle(self) -> None:
        """Nothing is to be done: each step is made on torch's own memory."""

    follow_schedule = lend_rates = take_rates = settle

    def snapshot(self, step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""
        return Snapshot(self.leaves, self._optim, step)

    def phase(self) -> Phase | None:
        """None: random numbers are the generators' own."""
        return None

    def give_up(self, reason: str) -> None:
        """Make all further steps in torch, for this reason."""
        self.reason = reason
        self._stages.clear()
        log.info("%s makes its steps one by one: %s", self._name, reason)

    # ------------------------------------------------------------ both ways

    def _is_trusted(self, stage: _Stage) -> bool:
        if stage.tape is not None and not stage.tape.is_current():
            stage.tape, stage.checks = None, _CHECKS
        return stage.tape is not None and not stage.checks and self.compiled < stage.audit

    def _as_graph(self, stage: _Stage, call: Call) -> Loss | None:
        """The loss of a step; None, and nothing has happened, if it could not be made."""
        assert stage.tape is not None
        before = self._generators().get()
        changed = [x.clone() for x in stage.tape.changed]
        found = stage.tape.evaluate(call)
        if not found.fine:
            self._generators().set(before)
            with torch.no_grad():
                for x, value in zip(stage.tape.changed, changed, strict=True):
                    x.copy_(value)
            return None
        self._update(stage.tape.moved, found)
        self.compiled += 1
        stage.refusals = 0
        return found.loss

    def _update(self, moved: Sequence[Tensor], found: Evaluation) -> None:
        try:
            for leaf, gradient in zip(moved, found.gradients, strict=True):
                leaf.grad = gradient
            self._optim(self.leaves)
        finally:
            torch.clear_autocast_cache()
            for leaf in moved:
                leaf.grad = None

    def _eagerly(self, stage: _Stage | None, call: Call) -> Loss:
        self._count += 1
        foreseen = None
        if stage is not None and stage.tape is not None:
            foreseen = stage.tape.foresee(call)
        seen: dict[str, Tensor] = {}
        policy: AbstractContextManager[None] = raising() if self._strict else nullcontext()
        with policy:
            loss, leaves = self._step(
                call.args,
                call.kwargs,
                None if stage is None else lambda found: seen.update(gradients_of(found)),
            )
        if leaves.keys() - self.leaves.keys():
            self.leaves.update(leaves)
            self._stages.clear()
        elif stage is not None and stage.tape is None:
            self._record(stage, leaves, list(seen), call)
        elif stage is not None and foreseen is not None and foreseen.fine:
            self._compare(stage, foreseen, loss, seen)
        return loss

    def _record(
        self, stage: _Stage, leaves: Mapping[str, Tensor], moved: Sequence[str], call: Call
    ) -> None:
        assert not isinstance(self._objective, str)
        if self._compiled_part is not None and self.engine != "CUDA graph":
            self.give_up(self._compiled_part)
            return
        try:
            stage.tape = GraphTape(
                self._objective,
                leaves,
                moved,
                call,
                self._changing,
                self._kind,
                records=self._compiled_part is None,
            )
        except Exception as error:  # a failure of the program itself shows when it is run
            self.give_up(reason_of(error))

    def _compare(
        self, stage: _Stage, foreseen: Evaluation, loss: Loss, seen: Mapping[str, Tensor]
    ) -> None:
        assert stage.tape is not None
        names = {id(leaf): name for name, leaf in self.leaves.items()}
        order = [names[id(leaf)] for leaf in stage.tape.moved]
        if set(order) != seen.keys():
            self.give_up("a parameter has a gradient in some steps only")
            return
        dtype = precision_of(seen.values())
        wrong = _first_difference(
            [*foreseen.gradients, torch.tensor(foreseen.loss, dtype=torch.float64)],
            [*(seen[name] for name in order), torch.tensor(loss, dtype=dtype)],
        )
        if wrong is not None and stage.inherited:
            stage.tape, stage.checks, stage.inherited = None, _CHECKS, False
        elif wrong is not None:
            when = "" if stage.checks else f" after {self.compiled} steps"
            self.give_up(f"a step as a graph and in torch differ{when}: {wrong}")
        elif stage.checks:
            stage.checks -= 1
            stage.inherited = False
        else:
            stage.audit *= 4

    # ------------------------------------------------------------ what is known

    def _generators(self) -> Generators:
        return Generators(device_of(self.leaves))

    def _stage(self, call: Call) -> _Stage:
        """The stage of these arguments; of tensors, identity counts, or their shape alone."""
        leaves, spec = pytree.tree_flatten((call.args, call.kwargs))
        key = (spec, *(signature_of(x, self._changing) for x in leaves), _precision())
        found = self._stages.get(key)
        if found is None:
            if len(self._stages) >= _MOST_SIGNATURES:
                self.give_up("the arguments are others in each step")
            found = self._stages[key] = _Stage(call)
        return found


def _precision() -> tuple[Any, ...]:
    """What autocast does at the moment."""
    return tuple(
        torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        for kind in ("cpu", "cuda")
    )


def _first_difference(found: Sequence[Tensor], expected: Sequence[Tensor]) -> str | None:
    for ours, theirs in zip(found, expected, strict=True):
        wrong = difference(ours.reshape(-1), theirs.reshape(-1))
        if wrong is not None:
            return wrong
    return None


__all__ = ["GraphSteps"]
