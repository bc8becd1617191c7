"""Code of steps, or why there is none; and code of a step that torch has not made yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch

from pyro.collector import collector_paused
from pyro.compile.meanwhile import Once
from pyro.compile.not_capturable import reason_of
from pyro.infer.fit.compiled import worth
from pyro.infer.fit.compiled.made import Made
from pyro.infer.fit.compiled.rehearsal import Rehearsal
from pyro.infer.fit.compiled.tape import Tape
from pyro.infer.fit.compiled.timetable import timetable_of
from pyro.infer.fit.steps.call import Call, Objective
from pyro.infer.fit.steps.taken import Recorded
from pyro.optim.optim import PyroOptim
from pyro.params.param_store import PARAM_STORE


@final
class Recording:
    """Records steps.

    :param objective: The loss as a tensor; or why there is none, and then nothing is recorded.
    :param optim: The optimiser.
    :param changing: Whether each step has other tensors as arguments.
    :ivar is_scheduled: Whether a schedule is advanced between steps that are made at once.
    """

    def __init__(self, objective: Objective | str, optim: PyroOptim, changing: bool) -> None:
        self._objective, self._optim, self._changing = objective, optim, changing
        self.is_scheduled = False

    def after(self, made: Rehearsal, call: Call) -> Recorded[Tape]:
        """Record a step that is known; torch's generator is left as it is."""
        state = torch.get_rng_state()
        try:
            return self._record(made, call)
        finally:
            torch.set_rng_state(state)

    def ahead(self, expected: Rehearsal, call: Call, step: Once[Made]) -> Recorded[Tape] | None:
        """Record a step before torch makes it, which is done while LLVM works, if it has to work.

        :param step: Sets torch's generator, which recording has moved, and makes the step.
        :return: None if too little is known to say how it is to be recorded.
        """
        if worth.has_large_matrices(expected.leaves.values()):
            return None
        known = set(PARAM_STORE.keys())
        found = self._record(expected, call, step.attempt)
        if found.tape is None:
            for name in set(PARAM_STORE.keys()) - known:  # it is for the step to make them
                del PARAM_STORE[name]
        return found

    def _record(
        self, made: Rehearsal, call: Call, meanwhile: Callable[[], object] | None = None
    ) -> Recorded[Tape]:
        assert not isinstance(self._objective, str)
        try:
            with collector_paused():
                tape = Tape(
                    self._objective,
                    self._optim,
                    made.leaves,
                    made.moved,
                    call,
                    self._changing,
                    timetable_of(self._optim) if self.is_scheduled else None,
                    made.parts,
                    made.products,
                    meanwhile,
                )
        except Exception as error:  # a failure of the program itself shows when it is run
            return Recorded(None, reason_of(error))
        return Recorded(tape)
