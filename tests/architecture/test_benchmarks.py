"""The harness of the benchmarks: statistics, refusals, the table. No test asserts a time."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import environments, report, rounds, summary, timing


def record(library: str, times: list[float], **others: Any) -> dict[str, Any]:
    """What a worker reports of one case."""
    same = {"workload": "w", "unit": "step", "torch": "2", "python": "3", "threads": 1}
    same["result"] = "loss"
    return same | {"library": library, "cases": {"c": times}, "checks": {"c": 1.5}} | others


PAIRS = [
    (record("a", [1.0, 2.0, 3.0]), record("b", [4.0, 4.0, 4.0])),
    (record("a", [6.0, 6.0, 6.0]), record("b", [8.0, 8.0, 1.0])),
    (record("a", [9.0, 1.0, 2.0]), record("b", [2.0, 1.0, 1.0])),
]


def test_the_ratio_is_taken_pair_by_pair() -> None:
    (row,) = summary.rows(PAIRS)
    assert row.ratio == summary.Spread(0.75, 0.5, 2.0)
    assert row.ours.median == 3.0 and row.peer.median == 4.0
    assert row.checks == (1.5, 1.5)


def test_a_row_that_is_not_lower_is_marked() -> None:
    lower, higher = (summary.rows(pairs)[0] for pairs in (PAIRS, PAIRS[2:]))
    assert lower.is_lower and "not lower" not in report.line(lower)
    assert not higher.is_lower and "not lower" in report.line(higher)


def test_what_one_library_cannot_run_is_shown_without_a_ratio() -> None:
    measured, missing = record("a", [1.0]), record("b", [], checks={})
    for pair, said in (((measured, missing), "only ours"), ((missing, measured), "only the peer")):
        rounds.judge(*pair)
        (row,) = summary.rows([pair])
        assert row.ratio is None and row.checks is None and not row.is_lower
        assert said in report.line(row) and "—" in report.line(row)
    with pytest.raises(ValueError, match="neither"):
        rounds.judge(missing, record("a", []))


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        ({"library": "a"}, "not a comparison"),
        ({"torch": "3"}, "torch differs"),
        ({"python": "4"}, "python differs"),
        ({"threads": 2}, "threads differs"),
        ({"unit": "import"}, "unit differs"),
        ({"result": "mean"}, "result differs"),
        ({"cases": {"d": [1.0]}}, "cases differ"),
    ],
)
def test_a_pair_that_compares_something_else_is_refused(peer: dict[str, Any], message: str) -> None:
    rounds.judge(record("a", [1.0]), record("b", [1.0]))
    with pytest.raises(ValueError, match=message):
        rounds.judge(record("a", [1.0]), record("b", [1.0]) | peer)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.5 s"), (0.25, "250 ms"), (1e-3, "1 ms"), (12.34e-6, "12.3 µs"), (5e-7, "500 ns")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_a_case_counts_its_units() -> None:
    runs: list[int] = []
    case = timing.Case(lambda: runs.append(1), units=4)
    times = timing.measure({"c": case, "not here": None}, 3, warmups=2)
    assert len(runs) == 5 and len(times["c"]) == 3 and times["not here"] == []


def test_the_peer_does_not_see_our_source(tmp_path: Path) -> None:
    source = str(environments.ROOT / "src")
    peer = environments.peer("pyro-ppl", tmp_path / "python")
    assert source in environments.ours().variables()["PYTHONPATH"]
    assert source not in peer.variables()["PYTHONPATH"]


def test_torch_is_pinned_for_both() -> None:
    constraints = (environments.ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert environments.torch_pin(constraints).startswith("torch==")
    with pytest.raises(ValueError, match="no line"):
        environments.torch_pin("numpy==2\n")


def test_an_interpreter_is_named_by_option_or_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = environments.variable("pyro-ppl")
    assert variable == "PYRO_BENCH_PYRO_PPL_PYTHON"
    monkeypatch.setenv(variable, str(tmp_path / "by variable"))
    assert environments.peer("pyro-ppl").python == tmp_path / "by variable"
    assert environments.peer("pyro-ppl", tmp_path / "by option").python == tmp_path / "by option"
    found = environments.environment("pyro-ppl", {"pyro-ppl": tmp_path / "by option"})
    assert found.python == tmp_path / "by option"


@pytest.mark.parametrize("peer", environments.peer_names())
def test_what_a_peer_needs_is_pinned(peer: str) -> None:
    *first, last = environments.installation(peer)
    assert last[-1] == f"benchmarks/peers/{peer}.txt"
    if peer in environments.SHARES_TORCH:
        (torch_alone,) = first
        assert torch_alone[-1].startswith("torch==") and "constraints.txt" in last
        return
    lines = (environments.ROOT / last[-1]).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted and all("==" in line for line in wanted)


@pytest.mark.parametrize("workload", rounds.workload_names())
def test_a_workload_says_what_it_measures(workload: str) -> None:
    source = (rounds.WORKLOADS / f"{workload}.py").read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source))
    assert workload not in sys.stdlib_module_names


@pytest.mark.slow
@pytest.mark.parametrize("workload", rounds.workload_names())
def test_a_workload_runs_with_ours(workload: str) -> None:
    found = rounds.run_worker(environments.ours(), workload)
    assert "native" in found["library"]
    assert any(found["cases"].values()) and not found["failed"]
    assert all(min(times, default=1) > 0 for times in found["cases"].values())
