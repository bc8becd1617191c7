"""Steps in torch, made one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.snapshot import Snapshot, State
from pyro.infer.not_finite import raising
from pyro.optim.optim import PyroOptim


class SingleSteps:
    """Steps made one by one, by a function of the arguments.

    :param step: Makes one step; returns the loss, and the leaves it updated by name.
    :param optim: The optimiser that it uses.
    """

    compiled = 0
    engine: EngineName = "torch"
    reason: str | None = None

    def __init__(
        self,
        step: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Loss, dict[str, Tensor]]],
        optim: PyroOptim,
    ) -> None:
        self._step, self._optim = step, optim
        self.leaves: dict[str, Tensor] = {}

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
        for _ in range(n):
            with raising():
                loss, leaves = self._step(args, kwargs)
            if leaves.keys() - self.leaves.keys():
                self.leaves.update(leaves)
            yield (loss,)

    def settle(self) -> None:
        """Nothing is to be done."""

    follow_schedule = lend_rates = take_rates = settle

    def snapshot(self, step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""
        return Snapshot(self.leaves, self._optim, step)

    def phase(self) -> Phase | None:
        """None: nothing that is not a part of every checkpoint."""
        return None
