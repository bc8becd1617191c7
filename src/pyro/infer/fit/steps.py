"""How a run makes steps: one after the other, or several at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, final

from torch import Tensor

from pyro.infer.errors import NonFiniteError
from pyro.infer.fit.engine import EngineName
from pyro.infer.fit.snapshot import Snapshot, State
from pyro.infer.not_finite import raising
from pyro.optim.optim import PyroOptim

if TYPE_CHECKING:
    from pyro.infer.fit.phase import Phase

Loss = float | tuple[float, ...]


class Steps(Protocol):
    """Makes steps of an optimisation.

    A call makes ``n`` steps with the same arguments and yields their losses, in pieces of any
    length, as the steps are made. After :meth:`settle` the parameters and the optimiser are those
    after the last loss that was yielded. With something not finite, it raises
    :class:`~pyro.infer.errors.NonFiniteError` in place of the update.
    """

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """The unconstrained leaf of each parameter that was updated so far, by name."""

    @property
    def compiled(self) -> int:
        """How many steps were compiled."""

    @property
    def engine(self) -> EngineName:
        """What makes steps that are compiled."""

    @property
    def reason(self) -> str | None:
        """Why steps are made in torch; None if they need not be, or nobody wants otherwise."""

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""

    def settle(self) -> None:
        """Write the parameters and the state of the optimiser where others read them."""

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between the steps of a piece, not after its last."""

    def lend_rates(self) -> None:
        """Let a schedule find the learning rates where it looks for them; it may change them."""

    def take_rates(self) -> None:
        """Go on with the learning rates that a schedule has left."""

    def snapshot(self, step: int) -> State:
        """The parameters and the optimiser as they are, after ``step`` steps."""

    def phase(self) -> Phase | None:
        """What the next steps depend on, if they are made in machine code."""


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


@final
class SkippingSteps(DelegatingSteps):
    """Steps of which those that meet something not finite are left out; their loss is NaN.

    :param steps: Makes the steps.
    :param limit: How many may be left out in a row.
    :raises NonFiniteError: if it is more.
    """

    def __init__(self, steps: Steps, limit: int = 20) -> None:
        super().__init__(steps)
        self._limit = limit
        self._in_a_row = 0
        self.skipped = 0

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""
        made = 0
        while made < n:
            try:
                for piece in self._steps(n - made, args, kwargs):
                    made += len(piece)
                    self._in_a_row = 0
                    yield piece
            except NonFiniteError as error:
                self._in_a_row += 1
                if self._in_a_row > self._limit:
                    error.add_note(f"{self._in_a_row} steps in a row were skipped for that reason")
                    raise
                self.skipped += 1
                made += 1
                yield (float("nan"),)
