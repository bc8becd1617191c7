"""How many steps all libraries make."""

from __future__ import annotations

ADAM = {"lr": 0.01}
FIRST = 100  # steps from the start of the fit, or after the first one
LAST = 20  # of which so many give the loss that is shown
BUDGET = 0.5  # seconds of a run of steps
MOST = 100_000


def steps_for(seconds: float) -> int:
    """The steps of a run, when one takes so many seconds."""
    return max(3, min(MOST, int(BUDGET / max(seconds, 1e-9))))
