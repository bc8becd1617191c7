"""What an engine has to know: how a step is recorded, run and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from pyro.infer.fit.steps.call import Call
from pyro.infer.fit.steps.engine import EngineName
from pyro.infer.fit.steps.memory import Memory
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.taken import Comparison, Recorded, Taken

T = TypeVar("T")
MakeOnce = Callable[[Sequence[Tensor], int], Loss | None]


class Resumable(Protocol[T]):
    """How steps are recorded that follow those of another process.

    :ivar seed: What the random numbers of steps follow from, if there were some.
    """

    seed: int | None

    def rehearse(self, call: Call, records: bool) -> tuple[Mapping[str, Tensor], Recorded[T]]:
        """The leaves of a step that is not made; and what is recorded of it, if it is to be."""


class Maker(Protocol[T]):
    """Records steps as tapes, and makes steps from them.

    It decides nothing: when a step is recorded, and whether a tape is used, is the business of
    :class:`~pyro.infer.fit.steps.trusted.TrustedSteps`. ``count`` is the number of a step in its
    run.
    """

    @property
    def way(self) -> str:
        """How its steps are made, to be said of them."""

    @property
    def changing(self) -> bool:
        """Whether each step has other tensors as arguments."""

    @property
    def why_not(self) -> str | None:
        """Why nothing can be recorded, if that is known from the start."""

    @property
    def memory(self) -> Memory:
        """Where parameters and the optimiser are meanwhile."""

    @property
    def resumable(self) -> Resumable[T] | None:
        """What goes on with a run of another process, if the next steps depend on those before."""

    def engine(self, leaves: Mapping[str, Tensor]) -> EngineName:
        """Its name, for parameters that are where these are."""

    def foretold(self, call: Call) -> Mapping[str, Tensor] | None:
        """The leaves of the first step, if they are known before it is made."""

    def as_ever(self, call: Call) -> Taken[T]:
        """A step in torch, with torch's own random numbers."""

    def record(self, call: Call, count: int, known: Mapping[str, Tensor]) -> Taken[T]:
        """A step in torch, and a tape of it, unless it has leaves that are not ``known``.

        :raises NonFiniteError: as each step in torch, if that is asked for.
        """

    def both_ways(self, tape: T, call: Call, count: int) -> Taken[T]:
        """A step in torch, compared with what the tape says of it."""

    def audit(self, tape: T, call: Call, count: int) -> Comparison | None:
        """What is known of the next step without making it; None if it has to be made both ways."""

    def is_current(self, tape: T) -> bool:
        """Whether parameters and optimiser are still where the tape has them."""

    def run(self, tape: T, most: int, call: Call, count: int) -> tuple[Sequence[Loss], bool]:
        """Make up to so many steps; whether the next one cannot be made so."""

    def once(self, tape: T) -> MakeOnce | None:
        """Makes single steps quickly, given their tensors, if there is a way to."""

    def follow_schedule(self) -> None:
        """From now on, advance the schedule between steps that are made at once."""

    def restart(self) -> None:
        """Another run begins."""
