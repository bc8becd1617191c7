"""A posterior's log density and gradient: one thread, double precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.points import disagreement
from harness.suite import Entrant, Figure, Open, Record, Suite

AGREED = 1e-6  # largest relative difference of what are the same numbers


def agreement(records: Sequence[Record], folder: Path, opened: Open) -> None:
    """How far each library's values and slopes are from ours of the same round."""
    ours = {
        (record["model"], record["round"]): record["evidence"]
        for record in records
        if record["library"] == "ours" and "evidence" in record
    }
    for record in records:
        key = record["model"], record["round"]
        if "evidence" not in record or key not in ours or record["library"] == "ours":
            continue
        apart = disagreement(ours[key], record["evidence"])
        record["figures"]["difference from ours"] = apart
        if not apart < AGREED:
            record["note"] = f"computes another density than ours (relative difference {apart:.1e})"


SUITE = Suite(
    name="density",
    title="Log density and gradient",
    models=(
        "eight_schools",
        "logistic_1000x10",
        "logistic_5000x20",
        "logistic_100000x50",
        "negative_binomial",
        "hierarchical_glm",
        "gaussian_process",
        "dirichlet_multinomial",
        "hmm_100",
        "hmm_1000",
        "lkj_normal",
        "neural_network",
        "ar2",
        "stochastic_volatility",
    ),
    entrants=(
        Entrant("ours", "ours", "density/with_ours.py"),
        Entrant("NumPyro", "numpyro", "density/with_numpyro.py"),
        Entrant("pyro-ppl", "pyro-ppl", "density/with_pyro_ppl.py", rounds=1),
    ),
    figures=(
        Figure("gradient"),
        Figure("gradient, called from Python", compared=False),
        Figure("first gradient", against=("NumPyro",)),  # pyro-ppl does not compile
        Figure("difference from ours", "count", compared=False),
    ),
    limit=600.0,
    finish=agreement,
)
