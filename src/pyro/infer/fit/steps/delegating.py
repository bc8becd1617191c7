"""Steps that others make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.protocol import Loss, Steps
from pyro.infer.fit.steps.snapshot import State


class DelegatingSteps(ABC):
    """Steps that others make: what is asked of it is asked of them.

    :param steps: Makes the steps.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """Those of the steps that were made."""
        return self._steps.leaves

    @property
    def compiled(self) -> int:
        """How many steps were compiled."""
        return self._steps.compiled

    @property
    def engine(self) -> EngineName:
        """What makes steps that are compiled."""
        return self._steps.engine

    @property
    def reason(self) -> str | None:
        """Why steps are made in torch."""
        return self._steps.reason

    def settle(self) -> None:
        """Write parameters and state where others read them."""
        self._steps.settle()

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between the steps of a piece."""
        self._steps.follow_schedule()

    def lend_rates(self) -> None:
        """Let a schedule find the learning rates."""
        self._steps.lend_rates()

    def take_rates(self) -> None:
        """Go on with the learning rates that a schedule has left."""
        self._steps.take_rates()

    def snapshot(self, step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""
        return self._steps.snapshot(step)

    def phase(self) -> Phase | None:
        """That of the steps that are made."""
        return self._steps.phase()

    @abstractmethod
    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
