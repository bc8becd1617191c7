"""How far machine code is, for arguments of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyro.infer.fit.compiled.tape import Tape
from pyro.infer.fit.steps.call import Call
from pyro.optim.optim import PyroOptim

CHECKS = 2  # steps that are made both ways before the code is trusted
AUDIT = 64


@dataclass
class Stage:
    """How far the code for one kind of arguments is.

    :param call: Keeps the arguments alive by whose identity it is found.
    :param checks: Steps that are to be made both ways.
    :param compiled: Steps in machine code.
    :param audit: How many of them there are when one more is compared.
    :param is_long: Whether a step in torch takes so long that few are compared.
    :param seen: How many steps were made in torch before the code.
    :param refusals: How many steps in a row could not be made.
    :param inherited: Whether the code is of an earlier run; if it is wrong, it is made anew.
    """

    call: Call
    tape: Tape | None = None
    checks: int = CHECKS
    compiled: int = 0
    audit: int = field(default_factory=lambda: AUDIT)
    is_long: bool = False
    seen: int = 0
    refusals: int = 0
    inherited: bool = False

    def restart(self) -> None:
        """With the code of an earlier run; its first step is made both ways.

        The loss would not tell whether a parameter has been frozen between the runs.
        """
        self.checks = 1 if self.tape is not None else CHECKS
        self.refusals, self.inherited = 0, True
        self.compiled, self.audit = 0, AUDIT

    def pass_check(self) -> None:
        """A step was as it is in torch."""
        if self.checks:
            self.checks -= 1
        else:
            self.audit *= 16 if self.is_long else 4
        self.inherited = False

    def is_trusted(self, optim: PyroOptim) -> bool:
        """Whether the next step may be made in machine code."""
        return self._is_proved(optim) and self.compiled < self.audit

    def is_due(self, optim: PyroOptim) -> bool:
        """Whether it is time that one more is compared."""
        return self._is_proved(optim) and self.compiled >= self.audit

    def _is_proved(self, optim: PyroOptim) -> bool:
        return self.tape is not None and not self.checks and self.tape.flat.is_current(optim)

    def begin_anew(self) -> None:
        """Without code."""
        self.tape, self.checks, self.inherited = None, CHECKS, False
        self.compiled, self.audit = 0, AUDIT

    def counters(self) -> dict[str, Any]:
        """What the next steps depend on, as plain data; ``tape`` says whether there is code."""
        counters = {name: value for name, value in vars(self).items() if name != "call"}
        return {**counters, "tape": self.tape is not None}

    def take(self, counters: Mapping[str, Any]) -> bool:
        """Be as far as those say that :meth:`counters` returned; whether there was code."""
        vars(self).update({**counters, "tape": self.tape})
        return bool(counters["tape"])
