"""The report: a Markdown table of the rows, and what was measured on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .environments import ROOT
from .summary import Record, Row, Spread

HEADER = "| what | per | ours | peer | ours / peer | shared result: ours, peer |"
RULE = "|---|---|---|---|---|---|"
SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (0.0, "ns"))


def duration(seconds: float) -> str:
    """Three significant digits in a unit that suits."""
    size, unit = next(scale for scale in SCALES if seconds >= scale[0])
    return f"{seconds / (size or 1e-9):.3g} {unit}"


def times(spread: Spread | None) -> str:
    """Median, and the spread in brackets; a dash for what a library cannot run."""
    if spread is None:
        return "—"
    return f"{duration(spread.median)} [{duration(spread.low)}, {duration(spread.high)}]"


def line(row: Row) -> str:
    """A line of the table."""
    shared = f"{row.result} {row.checks[0]:.2f}, {row.checks[1]:.2f}" if row.checks else ""
    what = f"{row.workload}: {row.case}"
    ours, peer = times(row.ours), times(row.peer)
    return f"| {what} | {row.unit} | {ours} | {peer} | {compared(row)} | {shared} |"


def compared(row: Row) -> str:
    """The ratio; a row on which ours is not lower is marked."""
    if row.ratio is None:
        return "only ours" if row.ours else "only the peer's"
    ratio = f"{row.ratio.median:.2f} [{row.ratio.low:.2f}, {row.ratio.high:.2f}]"
    return f"**{ratio}**" if row.is_lower else f"{ratio} (not lower)"


def table(rows: Sequence[Row]) -> str:
    """The Markdown table."""
    return "\n".join([HEADER, RULE, *map(line, rows)])


def processor() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for text in info.read_text(encoding="utf-8").splitlines():
            if text.startswith("model name"):
                return text.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def source() -> str:
    """The commit that was measured, and whether the checkout differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.strip() or "unknown"


def machine() -> dict[str, str]:
    """Machine, date, and the source that was measured."""
    load = f"{os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "unknown"
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "load of the machine": load,
        "source of ours": source(),
    }


def conditions(ours: Record, peer: Record, rounds: int) -> dict[str, str]:
    """What was measured on, and the versions."""
    return machine() | {
        "ours": f"pyro-native {ours['library']}",
        "peer": f"pyro-ppl {peer['library']}",
        "torch": f"{ours['torch']}, {ours['threads']} thread",
        "Python": ours["python"],
        "rounds": str(rounds),
    }


def document(rows: Sequence[Row], where: dict[str, str]) -> str:
    """The committed page of results."""
    facts = "\n".join(f"* {key}: {value}" for key, value in where.items())
    return (
        "# Results\n\nWritten by `make bench`; how it is measured is in the "
        "[README](../README.md). Times are medians with quartiles over all repeats; the ratio is "
        "the median over the pairs of one round, with the least and the greatest; below 1, ours is "
        f"faster.\n\n{facts}\n\n{table(rows)}\n"
    )
