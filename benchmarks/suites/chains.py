"""A thousand chains of a small model as one batch."""

from __future__ import annotations

from harness.suite import Entrant, Figure, Suite

SUITE = Suite(
    name="chains",
    title="A thousand chains",
    models=("eight_schools",),
    entrants=(
        Entrant("ours", "ours", "chains/with_ours.py", ("auto",)),
        Entrant("ours, vectorized", "ours", "chains/with_ours.py", ("vectorized",), 1),
        Entrant("NumPyro", "numpyro", "chains/with_numpyro.py"),
    ),
    figures=(
        Figure("chain-gradient of the run"),
        Figure("chain-gradient of one batch"),
        Figure("run", compared=False),
    ),
)
