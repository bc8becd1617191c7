"""How many steps all libraries make."""

from __future__ import annotations

ADAM = {"lr": 0.01}
FIRST = 100  # steps from the start of the fit, or after the first one
LAST = 20  # of which so many give the loss that is shown
BUDGET = 0.5  # seconds of a loop of steps
RUN_BUDGET = 2.0  # seconds of a call of ``svi.run``, whose first steps cost more than the others
MOST = 100_000


def steps_for(seconds: float, budget: float = BUDGET) -> int:
    """The steps of a run, when one takes so many seconds."""
    return max(3, min(MOST, int(budget / max(seconds, 1e-9))))
