"""Where parameters and the state of the optimiser are while steps are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, final

from torch import Tensor

from pyro.infer.fit.steps.snapshot import Snapshot, State
from pyro.optim.optim import PyroOptim


class Memory(Protocol):
    """What knows of steps that torch's tensors do not know of yet."""

    def settle(self) -> None:
        """Write parameters and state where others read them."""

    def leave(self) -> None:
        """The same, before others change them."""

    def lend_rates(self) -> None:
        """Let a schedule find the learning rates where it looks for them; it may change them."""

    def take_rates(self) -> None:
        """Go on with the learning rates that a schedule has left."""

    def snapshot(self, leaves: Mapping[str, Tensor], step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""


@final
class TorchMemory:
    """Torch's own tensors: nothing has to be moved.

    :param optim: The optimiser.
    """

    def __init__(self, optim: PyroOptim) -> None:
        self._optim = optim

    def settle(self) -> None:
        """Nothing is to be done: each step is made where others read."""

    leave = lend_rates = take_rates = settle

    def snapshot(self, leaves: Mapping[str, Tensor], step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""
        return Snapshot(leaves, self._optim, step)
