"""The orchestrator of suites: each worker is a process of its own, and they take turns."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from .environments import BENCHMARKS, ROOT, Environment, environment
from .suite import Entrant, Open, Record, Suite


def hold(
    suite: Suite, models: Sequence[str] | None, rounds: int | None, pythons: Mapping[str, Path]
) -> tuple[list[Record], bool]:
    """Run a suite: the records, and whether they are complete; Ctrl-C keeps what is there.

    A worker that fails leaves a record that says why.
    """

    @cache
    def opened(name: str) -> Environment:
        return environment(name, pythons)

    with tempfile.TemporaryDirectory() as folder:
        draws = Path(folder)
        turns = list(_turns(suite, suite.chosen(models), rounds or suite.rounds))
        for name in dict.fromkeys(entrant.environment for _, _, entrant in turns):
            opened(name)
        records: list[Record] = []
        try:
            records.extend(_turn(suite, turn, opened, draws) for turn in turns)
        except KeyboardInterrupt:
            print(f"{suite.name}: stopped after {len(records)} of {len(turns)}", file=sys.stderr)
        suite.finish(records, draws, opened)
    return records, len(records) == len(turns)


def _turns(suite: Suite, models: Sequence[str], rounds: int) -> Iterator[tuple[int, str, Entrant]]:
    """Round, model and entrant; who begins changes, so that a drift of the machine favours none."""
    for number in range(rounds):
        for model in models:
            there = [entrant for entrant in suite.entrants if entrant.takes(model, number)]
            yield from ((number, model, e) for e in (there if number % 2 == 0 else there[::-1]))


def _turn(suite: Suite, turn: tuple[int, str, Entrant], opened: Open, draws: Path) -> Record:
    number, model, entrant = turn
    print(f"{suite.name} {number + 1}: {model}, {entrant.library}", file=sys.stderr, flush=True)
    who = {"suite": suite.name, "model": model, "library": entrant.library, "round": number}
    path = (str(draws / f"{stem(who)}.npz"),) if suite.saves_draws else ()
    script = str(BENCHMARKS / entrant.script)
    arguments = (script, model, *path, *entrant.arguments)
    return who | work(opened(entrant.environment), arguments, suite.limit, number)


def stem(record: Mapping[str, object]) -> str:
    """The name of the file of a worker's draws."""
    return f"{record['model']}--{record['library']}--{record['round']}"


def work(where: Environment, arguments: Sequence[str], limit: float, number: int) -> Record:
    """The record that a worker prints as its last line, or ``failed``, with the reason."""
    started = {"PYRO_BENCH_STARTED": repr(time.time())}
    try:
        done = subprocess.run(
            [str(where.python), *arguments],
            env=where.variables() | started | {"PYRO_BENCH_ROUND": str(number)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return _failure(f"stopped after {limit:.0f} s")
    if done.returncode != 0 or not done.stdout.strip():
        said = " / ".join(line.strip() for line in done.stderr.splitlines()[-4:])
        return _failure(f"exit {done.returncode}: {said[-300:]}")
    record: Record = json.loads(done.stdout.splitlines()[-1])
    return record


def _failure(reason: str) -> Record:
    print(f"  failed: {reason}", file=sys.stderr, flush=True)
    return {"failed": reason}
