"""Steps made in machine code, many at once, after some in torch that prove it right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import torch
from torch import Tensor

from pyro.compile import switch
from pyro.compile.draws import Key
from pyro.compile.meanwhile import Once
from pyro.compile.not_capturable import reason_of
from pyro.compile.warm_up import warm_up
from pyro.infer.fit.compiled import worth
from pyro.infer.fit.compiled.made import Made, make_step, parts_of
from pyro.infer.fit.compiled.recording import Recorded, Recording
from pyro.infer.fit.compiled.rehearsal import Rehearsal, loss_of, rehearse
from pyro.infer.fit.compiled.stage import CHECKS, Stage
from pyro.infer.fit.compiled.tape import Moment, Tape
from pyro.infer.fit.steps.call import Call, EagerStep, Objective
from pyro.infer.fit.steps.comparison import loss_difference, precision_of
from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.form import flat, in_words, signature_of
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.snapshot import FlatSnapshot, Snapshot, State
from pyro.infer.not_finite import raising
from pyro.logger import log
from pyro.optim.lr_scheduler import PyroLRScheduler
from pyro.optim.optim import PyroOptim
from pyro.rng import new_seed

_LONG = 1000  # operations of a step, from which one is enough, and fewer are compared later
_PIECE_SECONDS = 0.05
_MOST_SIGNATURES = 8
_MOST_REFUSALS = 20


@final
class CompiledSteps:
    """Steps in machine code where that can be; otherwise in torch, for a reason that is kept.

    The first step is made in torch as ever. The second takes its random numbers from a key and is
    recorded; torch makes it while LLVM works. Machine code makes it too, and the third, if a step
    is short; they are compared. Then steps are made in machine code; after 64, 256, 1024, ... of
    them (64, 1024, ... of long ones) one is compared again, so that a program which changes as it
    goes on is found out. In a run it is the loss that is compared then, which torch computes
    without the gradient and the update.

    :param step: Makes a step in torch.
    :param objective: The loss as a tensor; or why there is none.
    :param optim: The optimiser.
    :param changing: Whether each step has other tensors as arguments.
    :param after: How many steps are made in torch before the first that is recorded.
    :param seeds: Gives each step the seed of its random numbers; by default they follow from one
        seed and the number of the step.
    :param name: What the log calls it.
    :param patience: How many steps with arguments of one kind are made in torch before one is
        recorded.
    :param strict: Whether something that is not finite is an error.
    :param insists: Whether machine code is wanted even where torch is faster.
    """

    engine: EngineName = "machine code"

    def __init__(
        self,
        step: EagerStep,
        objective: Objective | str,
        optim: PyroOptim,
        changing: bool = False,
        after: int = 1,
        seeds: Callable[[], int] | None = None,
        name: str = "SVI.run",
        patience: int = 0,
        strict: bool = True,
        insists: bool = False,
    ) -> None:
        self._after, self._seeds, self._name = after, seeds, name
        self._patience, self._strict, self._insists = patience, strict, insists
        self._last_seed: tuple[int, int] | None = None  # of which step
        self._step, self._optim, self._changing = step, optim, changing
        self._objective = objective
        self._recording = Recording(objective, optim, changing)
        self._stages: dict[Any, Stage] = {}
        self._count = 0
        self._pace = _PIECE_SECONDS / 16
        self._seed: int | None = None
        self._live: Tape | None = None  # what made the last step
        self._left_off: Phase | None = None
        self._expected: Rehearsal | None = None  # of the next step, after one as ever
        self.leaves: dict[str, Tensor] = {}
        self.compiled = 0
        self.reason: str | None = None
        if not switch.ENABLED:
            self.reason = "compile_enabled is False"
        elif isinstance(objective, str):
            self.give_up(objective)
        elif seeds is None:
            warm_up()  # a run needs code soon

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
        call, made = Call(args, kwargs), 0
        if self._left_off is not None and self._count and not self.leaves:
            self._rehearse(call)  # then the parameters are known
        while made < n:
            is_early = self._count < self._after or not self.leaves
            stage = None if is_early or self.reason is not None else self._stage(call)
            if stage is not None and stage.seen < self._patience:
                stage.seen += 1
                stage = None
            if stage is not None and self._is_due(stage):
                self._audit(stage, call)
                stage = stage if self.reason is None else None
            if stage is not None and stage.is_trusted(self._optim):
                losses, refused = self._natively(stage, n - made, call)
                if losses:
                    made += len(losses)
                    yield losses
                if not refused:
                    continue
                self._note_refusal(stage)
            yield (self._eagerly(stage, call),)
            made += 1

    @property
    def may_go_on(self) -> bool:
        """Whether another run can use these steps."""
        return self.reason is None and switch.ENABLED

    def restart(self, after: int) -> None:
        """Begin another run, with the code that is there; one step will be made both ways."""
        self.settle()
        self._after, self._count, self.compiled, self._seed = after, 0, 0, None
        self._live = None
        self._recording.is_scheduled, self._left_off = False, None
        for key in list(self._stages)[:-1] if not self._changing else ():
            del self._stages[key]
        for stage in self._stages.values():
            stage.restart()

    def phase(self) -> Phase:
        """What the next steps depend on, beside parameters and generators."""
        stages = {in_words(stage.call): stage.counters() for stage in self._stages.values()}
        return Phase(self._after, self._count, self.compiled, self._seed, self.reason, stages)

    def go_on(self, phase: Phase) -> None:
        """Make the steps that follow in a run that was left in this phase, bit for bit."""
        self.forget()
        self._after, self._count, self.compiled, self._seed, reason, _ = phase
        self._left_off = phase
        if reason is not None and self.reason is None:
            self.give_up(reason)

    def forget(self) -> None:
        """Begin anew with recording: something that programs read has changed."""
        self.settle()
        self._stages.clear()
        self._live = None

    def settle(self) -> None:
        """Write the parameters and the state of the optimiser where others read them."""
        for stage in self._stages.values():
            if stage.tape is not None:
                stage.tape.settle()

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between steps that are made at once."""
        self._recording.is_scheduled = True

    def lend_rates(self) -> None:
        """Let a schedule find the learning rates where it looks for them; it may change them."""
        if self._live is not None:
            self._live.flat.write_rates()

    def take_rates(self) -> None:
        """Go on with the learning rates that a schedule has left."""
        if self._live is not None:
            self._live.flat.read_rates(self._live.ahead)

    def snapshot(self, step: int) -> State:
        """The parameters and the optimiser as they are."""
        live = self._live
        if live is not None and not isinstance(self._optim, PyroLRScheduler):
            return FlatSnapshot(self.leaves, self._optim, live.flat, live.ahead, step)
        self.settle()
        return Snapshot(self.leaves, self._optim, step)

    def trusted(self, call: Call) -> Callable[[Sequence[Tensor]], Loss | None] | None:
        """Makes single steps with arguments of this kind, as long as :meth:`may_repeat`."""
        stage = self._stage(call)
        if not stage.is_trusted(self._optim) or stage.tape is None or not stage.tape.can_share():
            return None
        tape = stage.tape

        def once(tensors: Sequence[Tensor]) -> Loss | None:
            if not stage.is_trusted(self._optim) or not tape.can_share():
                return None
            loss = tape.once(self._key_numbers(self._count), tensors)
            if loss is not None:
                self._note_native(stage, 1)
            return loss

        return once

    # ------------------------------------------------------------ both ways

    def _natively(self, stage: Stage, n: int, call: Call) -> tuple[Sequence[Loss], bool]:
        assert stage.tape is not None
        if self._live is not stage.tape:
            self.settle()
            self._live = stage.tape
        most = max(1, min(n, int(_PIECE_SECONDS / self._pace), stage.audit - stage.compiled))
        if self._recording.is_scheduled != stage.tape.follows:
            most = 1
        start = time.perf_counter()
        losses, refused = stage.tape.run(most, self._key(self._count), call)
        self._pace = max((time.perf_counter() - start) / max(len(losses), 1), 1e-9)
        self._note_native(stage, len(losses))
        stage.refusals = 0 if losses else stage.refusals
        return losses, refused

    def _note_native(self, stage: Stage, count: int) -> None:
        """So many steps were made in machine code."""
        self._count += count
        self.compiled += count
        stage.compiled += count

    def _rehearse(self, call: Call) -> Rehearsal | None:
        """A step that is not made; None if there is a reason why it cannot be recorded."""
        if self.reason is not None or isinstance(self._objective, str):
            return None
        try:
            found = rehearse(self._objective, self._optim, call)
        except Exception as error:  # a failure of the program itself shows when it is run
            self.give_up(reason_of(error))
            return None
        self._note(found.leaves)
        return found

    def _take_up(self, stage: Stage, phase: Phase) -> None:
        """Be as far with arguments of a kind as the run was that is gone on with."""
        counters = phase.stages.pop(in_words(stage.call), None)
        recorded = counters is not None and stage.take(counters)
        found = self._rehearse(stage.call) if recorded else None
        if found is not None:
            self._take(stage, self._recording.after(found, stage.call))

    def _note_refusal(self, stage: Stage) -> None:
        """A step could not be made; if that is so time and again, there is no point in trying."""
        stage.refusals += 1
        if stage.refusals > _MOST_REFUSALS:
            self.give_up("steps take another branch of a library than the one that was recorded")

    def _is_due(self, stage: Stage) -> bool:
        """Whether the loss of the next step is to be compared, and that is enough."""
        return self._seeds is None and stage.is_due(self._optim)

    def _audit(self, stage: Stage, call: Call) -> None:
        """Compare the loss of the next step, which is then made in machine code.

        If torch cannot say what it is without making the step, that will be made both ways.
        """
        assert stage.tape is not None and not isinstance(self._objective, str)
        self.settle()
        key = self._key(self._count)
        foreseen = stage.tape.foresee(key, call)
        loss = None if foreseen is None else loss_of(self._objective, call, key)
        if foreseen is None or loss is None:
            return
        precision = precision_of(stage.tape.flat.leaves)
        self._judge(stage, loss_difference(foreseen[0], loss, precision))

    def _eagerly(self, stage: Stage | None, call: Call) -> Loss:
        self.settle()
        self._live = None
        count, self._count = self._count, self._count + 1
        if stage is None:
            return self._as_ever(call)
        if stage.tape is not None and not stage.tape.flat.is_current(self._optim):
            stage.begin_anew()
        key = self._key(count)
        if stage.tape is None:
            return self._recorded(stage, call, key)
        foreseen = stage.tape.foresee(key, call)
        if foreseen is None:
            self._note_refusal(stage)
        with self._policy():
            made = make_step(self._step, call, key)
        if made.leaves.keys() - self.leaves.keys():
            self._note(made.leaves)
            self._stages.clear()
        if foreseen is not None:
            self._compare(stage, foreseen, made)
        return made.loss

    def _as_ever(self, call: Call) -> Loss:
        moved: list[str] = []

        def look(found: Mapping[str, Tensor]) -> None:
            moved.extend(name for name, leaf in found.items() if leaf.grad is not None)

        with self._policy():
            loss, leaves = self._step(call.args, call.kwargs, look)
        self._note(leaves)
        if self._seeds is None:
            self._expected = Rehearsal(leaves, moved, parts_of(loss), None)
        return loss

    def _recorded(self, stage: Stage, call: Call, key: Key) -> Loss:
        """Make a step in torch, and code of it, which are compared.

        Torch makes it while LLVM works, if the step is known to be like the one before.
        """
        before = self._moment()

        def make() -> Made:
            torch.set_rng_state(before.generator)
            with self._policy():
                return make_step(self._step, call, key)

        once = Once(make)
        expected, self._expected = self._expected, None
        ahead = None if expected is None else self._recording.ahead(expected, call, once)
        made = once.get()
        if made.leaves.keys() - self.leaves.keys():
            self._note(made.leaves)
            self._stages.clear()
            return made.loss
        found = made.rehearsal()
        reason = None if self._insists else worth.better_in_torch(made.work, found.products)
        if reason is not None:
            self.give_up(reason)
        elif ahead is not None and expected is not None and found.is_like(expected):
            self._take(stage, ahead)
        else:
            self._take(stage, self._recording.after(found, call))
        if stage.tape is not None:
            self._compare_first(stage, stage.tape.foresee(key, call, before), made, found)
        return made.loss

    def _compare_first(
        self, stage: Stage, foreseen: tuple[Loss, Tensor] | None, made: Made, found: Rehearsal
    ) -> None:
        assert stage.tape is not None
        left = 0 if self._insists else stage.tape.iteration.products_left
        reason = worth.slow_loops(made.work, found.products, left)
        if reason is not None:
            self.give_up(reason)
            return
        stage.is_long = made.work.operations > _LONG
        stage.checks = 1 if stage.is_long else CHECKS
        if foreseen is not None:
            self._compare(stage, foreseen, made)

    def _moment(self) -> Moment:
        return Moment(
            {k: x.detach().clone() for k, x in self.leaves.items()}, torch.get_rng_state()
        )

    def _policy(self) -> AbstractContextManager[None]:
        return raising() if self._strict else nullcontext()

    def _note(self, leaves: Mapping[str, Tensor]) -> None:
        if leaves.keys() - self.leaves.keys():
            self.leaves.update(leaves)

    def _take(self, stage: Stage, found: Recorded) -> None:
        """Code of a step, or the reason why there is none."""
        stage.tape = found.tape
        if found.tape is None:
            self.give_up(found.reason)

    def _compare(self, stage: Stage, foreseen: tuple[Loss, Tensor], made: Made) -> None:
        assert stage.tape is not None
        self._judge(stage, made.difference(foreseen, stage.tape.flat.leaves))

    def _judge(self, stage: Stage, wrong: str | None) -> None:
        """Trust the code for a while, or no longer."""
        if wrong is None:
            stage.pass_check()
        elif stage.inherited:  # the program may have changed between the runs
            stage.begin_anew()
        else:
            when = "" if stage.checks else f" after {stage.compiled} steps in machine code"
            self.give_up(f"a step in machine code and in torch differ{when}: {wrong}")

    # ------------------------------------------------------------ what is known

    def _stage(self, call: Call) -> Stage:
        """The stage of these arguments; of tensors, identity counts, or their shape alone."""
        leaves, spec = flat(*call)
        key = (spec, *(signature_of(x, self._changing) for x in leaves))
        found = self._stages.get(key)
        if found is None:
            if len(self._stages) >= _MOST_SIGNATURES:
                self.give_up("the arguments are others in each step")
            found = self._stages[key] = Stage(call)
            if self._left_off is not None:
                self._take_up(found, self._left_off)
        return found

    def _key(self, count: int) -> Key:
        """What decides about the random numbers of a step."""
        return torch.tensor(self._key_numbers(count), dtype=torch.float64)

    def _key_numbers(self, count: int) -> tuple[int, int, int]:
        """The halves of a seed, and what tells steps with that seed apart."""
        if self._seeds is not None:
            if self._last_seed is None or self._last_seed[0] != count:
                self._last_seed = count, self._seeds()
            seed, count = self._last_seed[1], 0
        else:
            if self._seed is None:
                self._seed = new_seed()
            seed = self._seed
        return seed & 0xFFFFFFFF, seed >> 32, count

    def give_up(self, reason: str) -> None:
        """Make all further steps in torch, for this reason."""
        self.settle()
        self.reason = reason
        self._stages.clear()
        log.info("%s makes its steps in torch: %s", self._name, reason)
