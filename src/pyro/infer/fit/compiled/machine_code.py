"""Steps in machine code: how they are recorded, made, many at once, and compared with torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from pyro.compile import switch
from pyro.compile.draws import Key
from pyro.compile.meanwhile import Once
from pyro.compile.not_capturable import reason_of
from pyro.compile.warm_up import warm_up
from pyro.infer.fit.compiled import worth
from pyro.infer.fit.compiled.keys import Keys
from pyro.infer.fit.compiled.live import Live
from pyro.infer.fit.compiled.made import Made, make_step, parts_of
from pyro.infer.fit.compiled.recording import Recording
from pyro.infer.fit.compiled.rehearsal import Rehearsal, loss_of, rehearse
from pyro.infer.fit.compiled.tape import Moment, Tape
from pyro.infer.fit.steps.call import Call, EagerStep, Objective, strict
from pyro.infer.fit.steps.comparison import loss_difference, precision_of
from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.maker import MakeOnce, Resumable
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.taken import Comparison, Recorded, Taken
from pyro.logger import log
from pyro.optim.optim import PyroOptim

_CHECKS = 2
_LONG = 1000  # operations of a step, from which one check is enough, and fewer are compared later
_PIECE_SECONDS = 0.05


@final
class MachineCode:
    """Makes steps in machine code.

    A step that is recorded takes its random numbers from a key; torch makes it while LLVM works.
    Machine code makes it too, and the next, if a step is short. In a run it is the loss that is
    compared later, which torch computes without the gradient and the update.

    :param step: Makes a step in torch.
    :param objective: The loss as a tensor; or why there is none.
    :param optim: The optimiser.
    :param changing: Whether each step has other tensors as arguments.
    :param seeds: Gives each step the seed of its random numbers; by default they follow from one
        seed and the number of the step.
    :param is_strict: Whether something that is not finite is an error.
    :param insists: Whether machine code is wanted even where torch is faster.
    :param forecast: What the first step will be made of, if that is known before it is made.
    """

    way = "in machine code"

    def __init__(
        self,
        step: EagerStep,
        objective: Objective | str,
        optim: PyroOptim,
        changing: bool = False,
        seeds: Callable[[], int] | None = None,
        is_strict: bool = True,
        insists: bool = False,
        forecast: Callable[[Call], Rehearsal | None] | None = None,
    ) -> None:
        self._step = strict(step) if is_strict else step
        self._objective, self._optim, self._insists = objective, optim, insists
        self.changing = changing
        self.memory = Live(optim)
        self._keys = Keys(seeds)
        self._recording = Recording(objective, optim, changing)
        self._forecast = forecast
        self._expected: Rehearsal | None = None  # of the next step
        self._pace = _PIECE_SECONDS / 16
        if switch.ENABLED and self.why_not is None and self._keys.is_foreseen:
            warm_up()  # a run needs code soon

    @property
    def why_not(self) -> str | None:
        """Why there can be no code."""
        return self._objective if isinstance(self._objective, str) else None

    def engine(self, leaves: Mapping[str, Tensor]) -> EngineName:
        """Its name."""
        return "machine code"

    def restart(self) -> None:
        """Another run begins, with another seed; nobody has said yet that it has a schedule."""
        self._keys.seed = None
        self._recording.is_scheduled = False

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between steps that are made at once."""
        self._recording.is_scheduled = True

    # ------------------------------------------------------------ in machine code

    def is_current(self, tape: Tape) -> bool:
        """Whether the optimiser still keeps its state where it did."""
        return tape.flat.is_current(self._optim)

    def run(self, tape: Tape, most: int, call: Call, count: int) -> tuple[Sequence[Loss], bool]:
        """Make up to so many steps, in a moment; whether the next one cannot be made so."""
        self.memory.enter(tape)
        most = max(1, min(most, int(_PIECE_SECONDS / self._pace)))
        if self._recording.is_scheduled != tape.follows:
            most = 1
        start = time.perf_counter()
        losses, refused = tape.run(most, self._keys(count), call)
        self._pace = max((time.perf_counter() - start) / max(len(losses), 1), 1e-9)
        return losses, refused

    def once(self, tape: Tape) -> MakeOnce | None:
        """Makes single steps on torch's own memory, if that is plain."""
        if not tape.can_share():
            return None

        def make(tensors: Sequence[Tensor], count: int) -> Loss | None:
            return tape.once(self._keys.numbers(count), tensors) if tape.can_share() else None

        return make

    # ------------------------------------------------------------ in torch

    def foretold(self, call: Call) -> Mapping[str, Tensor] | None:
        """The leaves of the first step, if they are known before it is made."""
        if self._forecast is None:
            return None
        try:
            self._expected = self._forecast(call)
        except Exception as error:  # a failure of the program itself shows when it is run
            log.debug("no forecast of the first step: %r", error)
        return None if self._expected is None else self._expected.leaves

    def as_ever(self, call: Call) -> Taken[Tape]:
        """A step in torch, with torch's own random numbers."""
        moved: list[str] = []

        def look(found: Mapping[str, Tensor]) -> None:
            moved.extend(name for name, leaf in found.items() if leaf.grad is not None)

        loss, leaves = self._step(call.args, call.kwargs, look)
        if self._keys.is_foreseen:
            self._expected = Rehearsal(leaves, moved, parts_of(loss), None)
        return Taken(loss, leaves)

    def record(self, call: Call, count: int, known: Mapping[str, Tensor]) -> Taken[Tape]:
        """A step in torch and code of it, which are compared; torch makes it while LLVM works."""
        key = self._keys(count)
        before = Moment({k: x.detach().clone() for k, x in known.items()}, torch.get_rng_state())

        def make() -> Made:
            torch.set_rng_state(before.generator)
            return make_step(self._step, call, key)

        once = Once(make)
        expected, self._expected = self._expected, None
        ahead = None if expected is None else self._recording.ahead(expected, call, once)
        made = once.get()
        if ahead is not None and ahead.tape is None and not count:
            ahead = None  # the optimiser may have the state now that it had not before the step
        if made.leaves.keys() - known.keys():
            return Taken(made.loss, made.leaves)
        found = made.rehearsal()
        reason = None if self._insists else worth.better_in_torch(made.work, found.products)
        if reason is not None:
            recorded = Recorded[Tape](None, reason)
        elif ahead is not None and expected is not None and found.is_like(expected):
            recorded = ahead
        else:
            recorded = self._recording.after(found, call)
        if recorded.tape is None:
            return Taken(made.loss, made.leaves, recorded)
        return self._compared(recorded.tape, call, key, before, made, found)

    def _compared(
        self, tape: Tape, call: Call, key: Key, before: Moment, made: Made, found: Rehearsal
    ) -> Taken[Tape]:
        """The step of which code was made, if that pays, compared with the code."""
        left = 0 if self._insists else tape.iteration.products_left
        reason = worth.slow_loops(made.work, found.products, left)
        is_long = made.work.operations > _LONG
        recorded = Recorded(tape, reason, 1 if is_long else _CHECKS, is_long)
        foreseen = None if reason is not None else tape.foresee(key, call, before)
        return Taken(made.loss, made.leaves, recorded, made.compared(foreseen, tape.flat.leaves))

    def both_ways(self, tape: Tape, call: Call, count: int) -> Taken[Tape]:
        """A step in torch, compared with what the code says of it."""
        key = self._keys(count)
        foreseen = tape.foresee(key, call)
        made = make_step(self._step, call, key)
        comparison = made.compared(foreseen, tape.flat.leaves)
        return Taken(made.loss, made.leaves, comparison=comparison)

    def audit(self, tape: Tape, call: Call, count: int) -> Comparison | None:
        """The loss of the next step, if its random numbers are known, by torch and by the code."""
        if isinstance(self._objective, str) or not self._keys.is_foreseen:
            return None
        key = self._keys(count)
        foreseen = tape.foresee(key, call)
        loss = None if foreseen is None else loss_of(self._objective, call, key)
        if foreseen is None or loss is None:
            return None
        return Comparison(loss_difference(foreseen[0], loss, precision_of(tape.flat.leaves)))

    # ------------------------------------------------------------ in another process

    @property
    def resumable(self) -> Resumable[Tape]:
        """Itself: the next steps depend on the seed, and on who makes them."""
        return self

    @property
    def seed(self) -> int | None:
        """What the random numbers of steps follow from, if there were some."""
        return self._keys.seed

    @seed.setter
    def seed(self, seed: int | None) -> None:
        self._keys.seed = seed

    def rehearse(self, call: Call, records: bool) -> tuple[Mapping[str, Tensor], Recorded[Tape]]:
        """The leaves of a step that is not made; and code of it, if it is to be recorded."""
        assert not isinstance(self._objective, str)
        try:
            found = rehearse(self._objective, self._optim, call)
        except Exception as error:  # a failure of the program itself shows when it is run
            return {}, Recorded(None, reason_of(error))
        recorded = self._recording.after(found, call) if records else Recorded[Tape](None)
        return found.leaves, recorded


__all__ = ["MachineCode"]
