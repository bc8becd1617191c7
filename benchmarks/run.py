"""Measure ours against the peers, in one run and in separate environments (``make bench``).

Prints tables. A complete run of a suite writes ``results/<suite>.md``, one of all workloads
``results/results.md``; every single number of the last run of each is in ``results/*.json``. The
environment of a peer is made on first use, unless ``--python PEER=PATH`` or a variable such as
``PYRO_BENCH_NUMPYRO_PYTHON`` names an interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from harness.contest import hold
from harness.environments import BENCHMARKS, ours, peer, peer_names
from harness.report import conditions, document, machine, table
from harness.rounds import run_rounds, workload_names
from harness.standings import compared, page, remarks
from harness.suite import Suite
from harness.summary import rows
from suites import SUITES

RESULTS = BENCHMARKS / "results"
ROUNDS = 5


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=[*SUITES, *workload_names()], metavar="SUITE|WORKLOAD"
    )
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="of the suites")
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="LIBRARY",
        help="of the suites, as in the tables",
    )
    parser.add_argument("--rounds", type=int, help="instead of 5 of workloads and 3 of suites")
    parser.add_argument(
        "--python", nargs="+", default=[], type=named, metavar="PEER=PATH", help="interpreters"
    )
    return parser.parse_args(arguments)


def named(text: str) -> tuple[str, Path]:
    """A peer, and an interpreter that has it."""
    name, _, path = text.partition("=")
    if name not in peer_names() or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"not PEER=PATH, with PEER of {peer_names()}: {text}")
    return name, Path(path)


def main(options: argparse.Namespace) -> None:
    """Measure what is asked for, or everything."""
    pythons = dict(options.python)
    wanted = options.only or [*workload_names(), *SUITES]
    workloads = [name for name in wanted if name not in SUITES]
    if workloads:
        measure_workloads(workloads, options.rounds or ROUNDS, pythons.get("pyro-ppl"))
    for suite in (SUITES[name] for name in wanted if name in SUITES):
        measure_suite(suite, options, pythons)


def measure_workloads(workloads: Sequence[str], rounds: int, python: Path | None) -> None:
    """Ours and pyro-ppl in pairs: print the table, write."""
    pairs = list(run_rounds(ours(), peer("pyro-ppl", python), workloads, rounds))
    where = conditions(*pairs[0], rounds)
    summary = rows(pairs)
    records = [record for pair in pairs for record in pair]
    write("latest.json", json.dumps({"conditions": where, "records": records}, indent=1) + "\n")
    if sorted(workloads) == workload_names():
        write("results.md", document(summary, where))
    print(*(f"{key}: {value}" for key, value in where.items()), sep="\n")
    print(table(summary))


def measure_suite(suite: Suite, options: argparse.Namespace, pythons: dict[str, Path]) -> None:
    """One suite: print the comparison, write."""
    suite = suite.without(options.without)
    records, complete = hold(suite, options.models, options.rounds, pythons)
    if not records:
        return
    where = machine() | {"rounds": str(1 + max(record["round"] for record in records))}
    text = json.dumps({"conditions": where, "records": records}, indent=1)
    write(f"{suite.name}.json", text + "\n")
    if complete and options.models is None:
        write(f"{suite.name}.md", page(suite, records, where))
    print(compared(suite, records), *remarks(records), sep="\n")


def write(name: str, text: str) -> None:
    """A file of results."""
    (RESULTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(parse())
