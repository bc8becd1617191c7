"""The worker's side: time the cases of a workload and print one line of JSON."""

from __future__ import annotations

import gc
import json
import math
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

THREADS = 1


class Case(NamedTuple):
    """A piece of work: ``run()`` does ``units`` of it, at most once per repeat."""

    run: Callable[[], object]
    units: int = 1


def seconds_per_unit(case: Case, clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one run of a case, divided by its units; the garbage collector stays on."""
    start = clock()
    case.run()
    return (clock() - start) / case.units


def measure(
    cases: Mapping[str, Case | None],
    repeats: int,
    warmups: int = 2,
    budget: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds per unit of each repeat; the cases take turns, so that a slow spell hits them all.

    None stands for a case that this library cannot run: it has no times. A case that has run for
    ``budget`` seconds is not repeated again. ``clock`` is that of the wall, or of the processor.
    """
    there = {name: case for name, case in cases.items() if case is not None}
    for case in there.values():
        for _ in range(warmups):
            case.run()
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        gc.collect()
        for name, case in there.items():
            if sum(times[name]) * case.units < budget:
                times[name].append(seconds_per_unit(case, clock))
    return times


def installed(distribution: str) -> str | None:
    """The version of an installed distribution, without importing it."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def emit(
    unit: str,
    cases: Mapping[str, list[float]],
    library_version: str,
    checks: Mapping[str, float] | None = None,
    result: str = "loss",
    failed: Mapping[str, str] | None = None,
) -> None:
    """Print the record of a worker: times in seconds, and values that both libraries should share.

    ``unit`` is what one unit of a case is ("statement", "step"); ``checks`` are results of the
    work itself, such as a mean loss, as evidence that both libraries did the same, and ``result``
    says what they are. ``failed`` holds the errors of cases that have no times for that reason.
    """
    record = {
        "unit": unit,
        "cases": cases,
        "checks": checks or {},
        "result": result,
        "failed": failed or {},
        "library": library_version,
        "torch": installed("torch"),
        "python": platform.python_version(),
        "threads": THREADS,
    }
    print(json.dumps(record))
