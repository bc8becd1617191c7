"""Steps whose engine is chosen when it is known where the parameters are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

from pyro.infer.fit.steps.call import EagerStep
from pyro.infer.fit.steps.delegating import DelegatingSteps
from pyro.infer.fit.steps.protocol import Loss, Steps
from pyro.infer.fit.steps.single import SingleSteps
from pyro.optim.optim import PyroOptim


@final
class ChosenSteps(DelegatingSteps):
    """The first step in torch, which makes the parameters, and then what suits their device.

    :param step: Makes a step in torch.
    :param optim: The optimiser.
    :param choose: Is called after the first step.
    """

    def __init__(self, step: EagerStep, optim: PyroOptim, choose: Callable[[], Steps]) -> None:
        super().__init__(SingleSteps(step, optim))
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

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between the steps of a piece."""
        self._is_scheduled = True
        super().follow_schedule()
