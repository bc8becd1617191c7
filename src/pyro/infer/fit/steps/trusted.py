"""Steps by an engine, after some in torch that prove it right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, final

from torch import Tensor

from pyro.compile import switch
from pyro.infer.fit.steps.call import Call
from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.form import in_words
from pyro.infer.fit.steps.maker import Maker, Resumable
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.snapshot import State
from pyro.infer.fit.steps.stage import Stage
from pyro.infer.fit.steps.stages import Stages
from pyro.infer.fit.steps.taken import Comparison
from pyro.logger import log

T = TypeVar("T")


@final
class TrustedSteps(Generic[T]):
    """Steps by tapes where that can be; otherwise in torch, for a reason that is kept.

    The first steps are made in torch as ever; but a single one need not be if its parameters are
    known before. With arguments of each kind, torch then makes one of
    which a tape is recorded, and as many as the tape has to pass are made both ways and compared.
    From there on the tape makes them. After 64, 256, 1024, ... of them one is compared again (after
    64, 1024, ... of long ones), so that a program which changes as it goes on is found out: then
    all further steps are torch's. A step that a tape cannot make is made in torch.

    Another run has the tapes of the one before, and makes a step with each both ways. If that is
    not the same, because something was frozen, moved or changed between the runs, it is recorded
    anew.

    :param maker: Records steps and makes them.
    :param after: How many steps are made in torch before the first that is recorded.
    :param name: What the log calls it.
    :param patience: How many steps with arguments of one kind are made in torch before one is
        recorded.
    :ivar leaves: The unconstrained leaf of each parameter that was updated so far, by name.
    :ivar compiled: How many steps were made by tapes.
    :ivar reason: Why steps are made in torch.
    """

    def __init__(
        self, maker: Maker[T], after: int = 1, name: str = "SVI.run", patience: int = 0
    ) -> None:
        self._maker, self._after, self._name, self._patience = maker, after, name, patience
        self._memory = maker.memory
        self._stages = Stages[T](maker.changing)
        self._count, self._is_foretold = 0, False
        self._left_off: Phase | None = None
        self.leaves: dict[str, Tensor] = {}
        self.compiled = 0
        self.reason: str | None = None
        if not switch.ENABLED:
            self.reason = "compile_enabled is False"
        elif maker.why_not is not None:
            self.give_up(maker.why_not)

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
        call, made = Call(args, kwargs), 0
        if self._left_off is not None and self._count and not self.leaves:
            self._rehearse(call, records=False)  # then the parameters are known
        elif self._after == 1 and not self._count and not self.leaves:
            self._look_ahead(call)
        while made < n:
            stage = self._next_stage(call)
            if stage is not None and self._is_trusted(stage):
                losses, refused = self._run(stage, n - made, call)
                if losses:
                    made += len(losses)
                    yield losses
                if not refused:
                    continue
                self._note_refusal(stage)
            yield (self._in_torch(stage, call),)
            made += 1

    # ------------------------------------------------------------ from run to run

    @property
    def engine(self) -> EngineName:
        """What makes steps that are compiled."""
        return self._maker.engine(self.leaves)

    @property
    def may_go_on(self) -> bool:
        """Whether another run can use these steps."""
        return self.reason is None and switch.ENABLED

    def restart(self, after: int) -> None:
        """Begin another run, with the tapes that are there; one step will be made both ways."""
        self._memory.leave()
        self._maker.restart()
        self._after = 0 if self._is_foretold and after == 1 else after
        self._count, self.compiled, self._left_off = 0, 0, None
        self._stages.restart()

    def forget(self) -> None:
        """Begin anew with recording: something that programs read has changed."""
        self._memory.leave()
        self._stages.clear()

    def give_up(self, reason: str) -> None:
        """Make all further steps in torch, for this reason."""
        self._memory.settle()
        self.reason = reason
        self._stages.clear()
        log.info("%s makes its steps in torch: %s", self._name, reason)

    def phase(self) -> Phase | None:
        """What the next steps depend on, beside parameters and generators."""
        resumable = self._maker.resumable
        if resumable is None:
            return None
        stages = self._stages.counters()
        return Phase(self._after, self._count, self.compiled, resumable.seed, self.reason, stages)

    def go_on(self, phase: Phase) -> None:
        """Make the steps that follow in a run that was left in this phase, bit for bit."""
        self.forget()
        self._after, self._count, self.compiled = phase.after, phase.made, phase.compiled
        self._resumable.seed = phase.seed
        self._left_off = phase
        if phase.reason is not None and self.reason is None:
            self.give_up(phase.reason)

    @property
    def _resumable(self) -> Resumable[T]:
        found = self._maker.resumable
        assert found is not None
        return found

    # ------------------------------------------------------------ in the middle of a run

    def settle(self) -> None:
        """Write the parameters and the state of the optimiser where others read them."""
        self._memory.settle()

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between steps that are made at once."""
        self._maker.follow_schedule()

    def lend_rates(self) -> None:
        """Let a schedule find the learning rates where it looks for them; it may change them."""
        self._memory.lend_rates()

    def take_rates(self) -> None:
        """Go on with the learning rates that a schedule has left."""
        self._memory.take_rates()

    def snapshot(self, step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""
        return self._memory.snapshot(self.leaves, step)

    def trusted(self, call: Call) -> Callable[[Sequence[Tensor]], Loss | None] | None:
        """Makes single steps with arguments of this kind, until it says that it cannot."""
        stage = self._stage(call)
        if stage is None or stage.tape is None or not self._is_trusted(stage):
            return None
        make = self._maker.once(stage.tape)
        if make is None:
            return None

        def once(tensors: Sequence[Tensor]) -> Loss | None:
            loss = make(tensors, self._count) if self._is_trusted(stage) else None
            if loss is not None:
                self._have_made(stage, 1)
            return loss

        return once

    # ------------------------------------------------------------ by tapes

    def _next_stage(self, call: Call) -> Stage[T] | None:
        """The stage of the next step, which is compared if that is due; None: torch makes it."""
        if self.reason is not None or self._count < self._after or not self.leaves:
            return None
        stage = self._stage(call)
        if stage is not None and stage.seen < self._patience:
            stage.seen += 1
            return None
        if stage is not None and self._is_proved(stage) and stage.until_audit <= 0:
            self._audit(stage, call)
        return stage if self.reason is None else None

    def _stage(self, call: Call) -> Stage[T] | None:
        """The stage of these arguments; None if there is no point in having one."""
        stage, is_new = self._stages.find(call)
        if stage is None:
            self.give_up("the arguments are others in each step")
        elif is_new and self._left_off is not None:
            self._take_up(stage, self._left_off)
        return stage if self.reason is None else None

    def _is_proved(self, stage: Stage[T]) -> bool:
        return stage.tape is not None and not stage.checks and self._maker.is_current(stage.tape)

    def _is_trusted(self, stage: Stage[T]) -> bool:
        """Whether the next step may be made by the tape."""
        return stage.compiled < stage.audit and self._is_proved(stage)

    def _run(self, stage: Stage[T], n: int, call: Call) -> tuple[Sequence[Loss], bool]:
        assert stage.tape is not None
        most = min(n, stage.until_audit)
        losses, refused = self._maker.run(stage.tape, most, call, self._count)
        self._have_made(stage, len(losses))
        return losses, refused

    def _have_made(self, stage: Stage[T], count: int) -> None:
        self._count += count
        self.compiled += count
        stage.have_made(count)

    # ------------------------------------------------------------ in torch

    def _in_torch(self, stage: Stage[T] | None, call: Call) -> Loss:
        """A step in torch, from which one may learn about steps by tapes."""
        self._memory.leave()
        count, self._count = self._count, self._count + 1
        if stage is None or self.reason is not None:
            taken = self._maker.as_ever(call)
            self._note(taken.leaves)
            return taken.loss
        if stage.tape is not None and not self._maker.is_current(stage.tape):
            stage.begin_anew()
        if stage.tape is None:
            return self._record(stage, call, count)
        return self._compare(stage, stage.tape, call, count)

    def _look_ahead(self, call: Call) -> None:
        """Let the first step be recorded, if its parameters are known before."""
        leaves = self._maker.foretold(call) if self.reason is None else None
        if leaves is not None:
            self._note(leaves)
            self._after, self._is_foretold = 0, True

    def _record(self, stage: Stage[T], call: Call, count: int) -> Loss:
        taken = self._maker.record(call, count, self.leaves)
        if self._note(taken.leaves):
            self._stages.clear()
        elif taken.recorded is not None:
            stage.take(taken.recorded)
            self._judge(stage, taken.comparison, taken.recorded.reason)
        return taken.loss

    def _compare(self, stage: Stage[T], tape: T, call: Call, count: int) -> Loss:
        taken = self._maker.both_ways(tape, call, count)
        if taken.comparison is None:
            self._note_refusal(stage)
        if self._note(taken.leaves):
            self._stages.clear()
        else:
            self._judge(stage, taken.comparison)
        return taken.loss

    def _audit(self, stage: Stage[T], call: Call) -> None:
        """Compare what can be known of the next step, which the tape then makes.

        If torch cannot say anything without making the step, that will be made both ways.
        """
        assert stage.tape is not None
        self._memory.settle()
        self._judge(stage, self._maker.audit(stage.tape, call, self._count))

    def _judge(
        self, stage: Stage[T], comparison: Comparison | None, reason: str | None = None
    ) -> None:
        if reason is None and comparison is not None:
            reason = stage.judge(comparison, self._maker.way)
        if reason is not None:
            self.give_up(reason)

    def _note_refusal(self, stage: Stage[T]) -> None:
        reason = stage.refuse()
        if reason is not None:
            self.give_up(reason)

    def _note(self, leaves: Mapping[str, Tensor]) -> bool:
        """Know the leaves of a step; whether there are new ones."""
        is_new = bool(leaves.keys() - self.leaves.keys())
        self.leaves.update(leaves)
        return is_new

    # ------------------------------------------------------------ in another process

    def _take_up(self, stage: Stage[T], phase: Phase) -> None:
        """Be as far with arguments of a kind as the run was that is gone on with."""
        counters = phase.stages.pop(in_words(stage.call), None)
        if counters is not None and stage.resume(counters):
            stage.tape = self._rehearse(stage.call, records=True)

    def _rehearse(self, call: Call, records: bool) -> T | None:
        """Know the parameters of a step that is not made; and a tape of it."""
        if self.reason is not None:
            return None
        leaves, recorded = self._resumable.rehearse(call, records)
        self._note(leaves)
        if recorded.reason is not None:
            self.give_up(recorded.reason)
        return recorded.tape
