"""The side of a worker of a suite: one processor, repeated runs, one line of JSON at the end."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

REPEATS = 7
RUN = 0.1  # seconds that a run takes at least, where it can be made longer


def stay_on_one_processor() -> None:
    """Bind all threads of this process to one processor, where the system can."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        chosen = {max(os.sched_getaffinity(0))}
        for task in tasks.iterdir():
            os.sched_setaffinity(int(task.name), chosen)


def since_start() -> float:
    """Seconds since the orchestrator started this process."""
    return time.time() - float(os.environ["PYRO_BENCH_STARTED"])


def round_number() -> int:
    """The round that this process belongs to: sampling takes its seeds from it."""
    return int(os.environ.get("PYRO_BENCH_ROUND", "0"))


def versions(*distributions: str) -> dict[str, str]:
    """The versions of installed distributions, and of Python."""
    return {name: version(name) for name in distributions} | {"Python": platform.python_version()}


def repeats_for(seconds: float, most: int) -> int:
    """How many evaluations of so many seconds make a run."""
    return max(1, min(most, int(RUN / max(seconds, 1e-9))))


def timed(
    run: Callable[[], object],
    repeats: int = REPEATS,
    units: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Seconds per unit of each repeat, after one that is not counted."""
    run()
    found = []
    for _ in range(repeats):
        start = clock()
        run()
        found.append((clock() - start) / units)
    return found


def computed(run: Callable[[], object], repeats: int = REPEATS, units: int = 1) -> list[float]:
    """The processor's seconds per unit: other programs on the machine disturb these less."""
    return timed(run, repeats, units, time.process_time)


def once(run: Callable[[], object]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def report(
    figures: Mapping[str, float | Sequence[float]],
    packages: Mapping[str, str],
    evidence: Mapping[str, Any] | None = None,
    note: str = "",
) -> None:
    """Print the record.

    :param figures: seconds or counts by name; of several repeats the median is taken.
    :param packages: the versions that matter.
    :param evidence: results that the suite compares between libraries.
    :param note: one line that a reader of the table should know.
    """
    record = {
        "figures": {name: _median(value) for name, value in figures.items()},
        "evidence": evidence or {},
        "versions": packages,
        "note": note,
    }
    print(json.dumps(record))


def _median(value: float | Sequence[float]) -> float:
    return float(statistics.median(value) if isinstance(value, Sequence) else value)


def argument(position: int = 1) -> str:
    """An argument of the worker's process."""
    return sys.argv[position]
