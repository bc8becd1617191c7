"""NUTS: four chains of 1 000 iterations of warm-up and 1 000 draws."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.chains import CHAINS
from harness.contest import stem
from harness.environments import BENCHMARKS, ROOT
from harness.suite import Entrant, Figure, Open, Record, Suite

AGREED = 5.0  # Monte Carlo errors by which two means of thousands may differ


def judge(records: Sequence[Record], folder: Path, opened: Open) -> None:
    """Add what the referee sees in the draws, and what follows from it."""
    found = refereed(folder, opened)
    ours = {
        r["model"]: found[stem(r)] for r in records if r["library"] == "ours" and stem(r) in found
    }
    for record in records:
        if stem(record) in found:
            derive(record, found[stem(record)], ours.get(record["model"]))


def refereed(folder: Path, opened: Open) -> dict[str, dict[str, Any]]:
    """The referee's statistics by name of file."""
    if not any(folder.glob("*.npz")):
        return {}
    where = opened("pymc")
    done = subprocess.run(
        [str(where.python), str(BENCHMARKS / "mcmc/referee.py"), str(folder)],
        env=where.variables(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def derive(record: Record, seen: Mapping[str, Any], ours: Mapping[str, Any] | None) -> None:
    """The figures that need the effective size, and how far the means are from ours."""
    figures, effective = record["figures"], seen["effective"]
    threads = min(CHAINS, os.cpu_count() or 1)
    figures["effective draws"] = effective
    figures["effective draws per second"] = effective / figures["warm"]
    figures["gradients per effective draw"] = figures["gradients of draws"] / effective
    figures["leapfrog"] = figures["warm"] * threads / figures["gradients"]
    figures["R-hat"] = seen["r_hat"]
    record["worst"] = seen["worst"]
    if ours is not None and record["library"] != "ours":
        apart = furthest(seen, ours)
        figures["means apart"] = apart
        if not apart < AGREED:
            record["note"] = f"a mean is {apart:.1f} Monte Carlo errors from ours"


def furthest(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The largest difference of two means, in their Monte Carlo errors."""
    means = zip(one["means"], other["means"], one["errors"], other["errors"], strict=True)
    return max(abs(a - b) / math.hypot(s, t) for a, b, s, t in means)


SUITE = Suite(
    name="mcmc",
    title="NUTS, four chains of 1 000 + 1 000",
    models=(
        "eight_schools",
        "radon",
        "logistic_1000x20",
        "logistic_10000x50",
        "poisson",
        "hmm_200_of_4",
        "gaussian_process",
        "stochastic_volatility",
        "item_response",
    ),
    entrants=(
        Entrant("ours", "ours", "mcmc/with_ours.py"),
        Entrant("NumPyro, parallel", "numpyro", "mcmc/with_numpyro.py", ("parallel",)),
        Entrant("NumPyro, vectorised", "numpyro", "mcmc/with_numpyro.py", ("vectorized",), 1),
        Entrant("PyMC with nutpie", "pymc", "mcmc/with_pymc.py"),
        Entrant("pyro-ppl", "pyro-ppl", "mcmc/with_pyro_ppl.py", rounds=1),
    ),
    figures=(
        Figure("MCMC(...) to draws"),
        Figure("start to summary"),
        Figure("warm", compared=False),
        Figure("effective draws per second", "rate"),
        Figure("gradients per effective draw", "count"),
        Figure("leapfrog"),
        Figure("effective draws", "count", compared=False),
        Figure("R-hat", "count", compared=False),
        Figure("divergences", "count", compared=False),
        Figure("means apart", "count", compared=False),
    ),
    saves_draws=True,
    finish=judge,
)
