"""The vectors on which machine code works, which may be ahead of torch's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor

from pyro.infer.fit.compiled.tape import Tape
from pyro.infer.fit.steps.snapshot import FlatSnapshot, Snapshot, State
from pyro.optim.lr_scheduler import PyroLRScheduler
from pyro.optim.optim import PyroOptim


@final
class Live:
    """The memory of the tape that made the last step; if torch made it, that is torch's.

    :param optim: The optimiser.
    """

    def __init__(self, optim: PyroOptim) -> None:
        self._optim = optim
        self._tape: Tape | None = None

    def enter(self, tape: Tape) -> None:
        """The next step is by this tape."""
        if self._tape is not tape:
            self.settle()
            self._tape = tape

    def leave(self) -> None:
        """The next step is in torch."""
        self.settle()
        self._tape = None

    def settle(self) -> None:
        """Write the parameters and the state of the optimiser where others read them."""
        if self._tape is not None:
            self._tape.settle()

    def lend_rates(self) -> None:
        """Let a schedule find the learning rates where it looks for them; it may change them."""
        if self._tape is not None:
            self._tape.flat.write_rates()

    def take_rates(self) -> None:
        """Go on with the learning rates that a schedule has left."""
        if self._tape is not None:
            self._tape.flat.read_rates(self._tape.ahead)

    def snapshot(self, leaves: Mapping[str, Tensor], step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""
        tape = self._tape
        if tape is not None and not isinstance(self._optim, PyroLRScheduler):
            return FlatSnapshot(leaves, self._optim, tape.flat, tape.ahead, step)
        self.settle()
        return Snapshot(leaves, self._optim, step)
