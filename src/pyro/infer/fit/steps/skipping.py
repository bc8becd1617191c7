"""Steps of which some are left out, for what is not finite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

from pyro.infer.errors import NonFiniteError
from pyro.infer.fit.steps.delegating import DelegatingSteps
from pyro.infer.fit.steps.protocol import Loss, Steps


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
