"""How a run makes steps: one after the other, or several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from pyro.infer.errors import NonFiniteError
from pyro.infer.not_finite import raising

Loss = float | tuple[float, ...]


class Steps(Protocol):
    """Makes steps of an optimisation.

    A call makes ``n`` steps with the same arguments and yields their losses, in pieces of any
    length, as the steps are made. Whenever it yields, the parameters and the optimiser are those
    after the last loss of the piece. With something not finite, it raises
    :class:`~pyro.infer.errors.NonFiniteError` in place of the update.
    """

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """The unconstrained leaf of each parameter that was updated so far, by name."""

    def __call__(
        self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Sequence[Loss]]:
        """Make ``n`` steps."""


class SingleSteps:
    """Steps made one by one, by a function of the arguments.

    :param step: Makes one step; returns the loss, and the leaves it updated by name.
    """

    def __init__(
        self, step: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Loss, dict[str, Tensor]]]
    ) -> None:
        self._step = step
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


class SkippingSteps:
    """Steps of which those that meet something not finite are left out; their loss is NaN.

    :param steps: Makes the steps.
    :param limit: How many may be left out in a row.
    :raises NonFiniteError: if it is more.
    """

    def __init__(self, steps: Steps, limit: int = 20) -> None:
        self._steps, self._limit = steps, limit
        self._in_a_row = 0
        self.skipped = 0

    @property
    def leaves(self) -> Mapping[str, Tensor]:
        """Those of the steps that were made."""
        return self._steps.leaves

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
