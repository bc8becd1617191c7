"""How far the steps with arguments of one kind are: recorded, compared, trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pyro.infer.fit.steps.call import Call
from pyro.infer.fit.steps.taken import Comparison, Recorded

AUDIT = 64
_MOST_REFUSALS = 20
T = TypeVar("T")


@dataclass
class Stage(Generic[T]):
    """How far the tape for one kind of arguments is.

    :param call: Keeps the arguments alive by whose identity it is found.
    :param checks: Steps that are to be made both ways.
    :param compiled: Steps by the tape.
    :param audit: How many of them there are when one more is compared.
    :param is_long: Whether a step in torch takes so long that few are compared.
    :param seen: How many steps were made in torch before the first that is recorded.
    :param refusals: How many attempts in a row have failed to make a step.
    :param inherited: Whether the tape is of an earlier run; if it is wrong, it is made anew.
    """

    call: Call
    tape: T | None = None
    checks: int = 1
    compiled: int = 0
    audit: int = field(default_factory=lambda: AUDIT)
    is_long: bool = False
    seen: int = 0
    refusals: int = 0
    inherited: bool = False

    @property
    def until_audit(self) -> int:
        """How many steps may be made before one is compared."""
        return self.audit - self.compiled

    def take(self, recorded: Recorded[T]) -> None:
        """Have a tape, which is to be compared."""
        self.tape, self.checks = recorded.tape, recorded.checks
        self.is_long = recorded.is_long

    def judge(self, comparison: Comparison, way: str) -> str | None:
        """Trust the tape for a while, or record anew; or there is a reason to give up.

        :param way: How the tape makes steps.
        """
        wrong = comparison.wrong
        if wrong is None:
            self._pass()
            return None
        if self.inherited:  # the program may have changed between the runs
            self.begin_anew()
            return None
        when = "" if self.checks else f" after {self.compiled} steps {way}"
        return f"a step {way} and in torch differ{when}: {wrong}"

    def _pass(self) -> None:
        if self.checks:
            self.checks -= 1
        else:
            self.audit *= 16 if self.is_long else 4
        self.inherited = False

    def refuse(self) -> str | None:
        """A step could not be made; the reason to give up, if that is so time and again."""
        self.refusals += 1
        if self.refusals <= _MOST_REFUSALS:
            return None
        return "steps take another branch of a library than the one that was recorded"

    def have_made(self, count: int) -> None:
        """So many steps were made by the tape."""
        self.compiled += count
        self.refusals = 0 if count else self.refusals

    def begin_anew(self) -> None:
        """Without a tape."""
        self.tape, self.inherited = None, False
        self.compiled, self.audit = 0, AUDIT

    def restart(self) -> None:
        """In another run, with the tape of an earlier one, whose first step is made both ways.

        The loss would not tell whether a parameter has been frozen between the runs.
        """
        self.checks, self.refusals, self.inherited = 1, 0, True
        self.compiled, self.audit = 0, AUDIT

    def counters(self) -> dict[str, Any]:
        """What the next steps depend on, as plain data; ``tape`` says whether there is one."""
        counters = {name: value for name, value in vars(self).items() if name != "call"}
        return {**counters, "tape": self.tape is not None}

    def resume(self, counters: Mapping[str, Any]) -> bool:
        """Be as far as those say that :meth:`counters` returned; whether there was a tape."""
        vars(self).update({**counters, "tape": self.tape})
        return bool(counters["tape"])
