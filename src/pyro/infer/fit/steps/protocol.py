"""What makes steps: one after the other, or several at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.phase import Phase
from pyro.infer.fit.steps.snapshot import State

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
