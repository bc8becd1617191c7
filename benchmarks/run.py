"""Measure ours against the peer, in one run and in separate environments (``make bench``).

Prints a table, and writes ``results/latest.json`` with every single time; a complete run writes
``results/results.md`` too. The peer's environment is made on first use, unless ``--peer-python`` or
the variable ``PYRO_BENCH_PEER_PYTHON`` names an interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from harness.environments import BENCHMARKS, ours, peer
from harness.report import conditions, document, table
from harness.rounds import run_rounds, workload_names
from harness.summary import rows

RESULTS = BENCHMARKS / "results"
ROUNDS = 5


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    named = os.environ.get("PYRO_BENCH_PEER_PYTHON")
    parser.add_argument("--peer-python", type=Path, default=named and Path(named))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", choices=workload_names(), metavar="WORKLOAD")
    return parser.parse_args(arguments)


def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    workloads = options.only or workload_names()
    pairs = list(run_rounds(ours(), peer(options.peer_python), workloads, options.rounds))
    where = conditions(*pairs[0], options.rounds)
    summary = rows(pairs)
    latest = {"conditions": where, "records": [record for pair in pairs for record in pair]}
    (RESULTS / "latest.json").write_text(json.dumps(latest, indent=1) + "\n", encoding="utf-8")
    if not options.only:
        (RESULTS / "results.md").write_text(document(summary, where), encoding="utf-8")
    print(*(f"{key}: {value}" for key, value in where.items()), sep="\n")
    print(table(summary))


if __name__ == "__main__":
    main(parse())
