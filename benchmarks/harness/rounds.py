"""The orchestrator's side: run workers in turns, and check that they are what they should be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

from .environments import BENCHMARKS, ROOT, Environment
from .summary import Pair, Record

WORKLOADS = BENCHMARKS / "workloads"


def workload_names() -> list[str]:
    """The workloads: one file each."""
    return sorted(path.stem for path in WORKLOADS.glob("*.py"))


def run_worker(environment: Environment, workload: str) -> Record:
    """The record that a worker prints as its last line; its errors go to our stderr."""
    done = subprocess.run(
        [str(environment.python), str(WORKLOADS / f"{workload}.py")],
        env=environment.variables(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    record: Record = json.loads(done.stdout.splitlines()[-1])
    for case, error in record["failed"].items():
        print(f"{environment.name} cannot run {case}: {error}", file=sys.stderr, flush=True)
    return record | {"workload": workload, "environment": environment.name}


def run_rounds(
    ours: Environment, peer: Environment, workloads: Sequence[str], rounds: int
) -> Iterator[Pair]:
    """The records of ours and of the peer, per round and workload.

    Who goes first changes from round to round, so that a drift of the machine favours nobody.
    """
    for number in range(rounds):
        order = (ours, peer) if number % 2 == 0 else (peer, ours)
        for workload in workloads:
            print(f"round {number + 1}/{rounds}: {workload}", file=sys.stderr, flush=True)
            records = {environment.name: run_worker(environment, workload) for environment in order}
            pair = records[ours.name], records[peer.name]
            judge(*pair)
            yield pair


def judge(ours: Record, peer: Record) -> None:
    """Refuse a pair that would compare something other than the two libraries.

    Raises:
        ValueError: if one library was measured twice, torch or Python differs, the cases do, or a
            case was run by neither.
    """
    if ours["library"] == peer["library"]:
        raise ValueError(f"both environments import pyro {peer['library']}: not a comparison")
    for key in ("torch", "python", "threads", "unit", "result"):
        if ours[key] != peer[key]:
            raise ValueError(f"{key} differs: ours {ours[key]!r}, the peer's {peer[key]!r}")
    if list(ours["cases"]) != list(peer["cases"]):
        raise ValueError(f"cases differ: {list(ours['cases'])} and {list(peer['cases'])}")
    for case, times in ours["cases"].items():
        if not times and not peer["cases"][case]:
            raise ValueError(f"neither library ran the case {case!r}")
