"""Steps whose engine is chosen when it is known where the parameters are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, final

from torch import Tensor

from pyro.infer.fit.compiled_steps import CompiledSteps, EagerStep
from pyro.infer.fit.engine import EngineName
from pyro.infer.fit.graph_steps import GraphSteps
from pyro.infer.fit.phase import Phase
from pyro.infer.fit.snapshot import State
from pyro.infer.fit.steps import Loss, SingleSteps
from pyro.optim.optim import PyroOptim

Choose = Callable[[], CompiledSteps | GraphSteps]


@final
class ChosenSteps:
    """The first step in torch, which makes the parameters, and then what suits their device.

    :param step: Makes a step in torch.
    :param optim: The optimiser.
    :param choose: Is called after the first step.
    """

    def __init__(self, step: EagerStep, optim: PyroOptim, choose: Choose) -> None:
        self._steps: SingleSteps | CompiledSteps | GraphSteps = SingleSteps(step, optim)
        self._choose = choose
        self._is_scheduled = False

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
        if isinstance(self._steps, SingleSteps):
            yield from self._steps(1, args, kwargs)
            self._steps = self._choose()
            if self._is_scheduled:
                self._steps.follow_schedule()
            n -= 1
        yield from self._steps(n, args, kwargs)

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """Those of the steps that were made."""
        return self._steps.leaves

    @property
    def compiled(self) -> int:
        """How many steps were compiled."""
        return self._steps.compiled

    @property
    def reason(self) -> str | None:
        """Why steps are made in torch."""
        return self._steps.reason

    @property
    def engine(self) -> EngineName:
        """What the last step was made by, if it was compiled."""
        return self._steps.engine

    def settle(self) -> None:
        """Write parameters and state where others read them."""
        self._steps.settle()

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between the steps of a piece."""
        self._is_scheduled = True
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
        """What the next steps depend on, if they are made in machine code."""
        return self._steps.phase()
