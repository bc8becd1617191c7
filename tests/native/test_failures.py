"""What ends a run, and what is left of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import traceback
from typing import Any

import numpy as np
import pytest

from pyro.errors import DensityError, ShapeError
from pyro.native import ChainProgress, DensitySpec, NutsConfig, Output, Sampler, run_chains, target


def test_a_fatal_answer_names_itself_and_the_position() -> None:
    density = target("failing", 2, [7.0, 2.0])
    known = DensitySpec(**{**vars(density), "messages": {7: "the matrix is singular"}})
    sampler = Sampler(known, NutsConfig(warmup=50), np.zeros((2, 2)), seed=0)
    output = Output.allocate(2, 5000, 2)
    with pytest.raises(DensityError, match=r"answered 7: the matrix is singular.*chain \d, at \["):
        sampler.advance(5000, output)
    seen = sampler.progress()
    assert 2 in {chain.status for chain in seen} and 7 in {chain.code for chain in seen}
    for chain in range(2):
        assert np.isfinite(output.draws[chain, : seen[chain].rows]).all()
        assert (output.draws[chain, : seen[chain].rows, 0] <= 2).all()


def raising(after: int) -> DensitySpec:
    calls = [0]

    def density(x: np.ndarray) -> tuple[float, np.ndarray]:
        calls[0] += 1
        if calls[0] > after:
            raise LookupError("no such school")
        return -0.5 * float(x @ x), -x

    return DensitySpec.from_callable(density, 2)


@pytest.mark.parametrize("after", [0, 1, 300])
def test_an_exception_reaches_the_caller_with_its_traceback(after: int) -> None:
    sampler = Sampler(raising(after), NutsConfig(warmup=20), np.ones((2, 2)), seed=0)
    output = Output.allocate(2, 1000, 2)
    with pytest.raises(LookupError, match="no such school") as caught:
        sampler.advance(1000, output)
    assert "in density" in "".join(traceback.format_tb(caught.value.__traceback__))
    rows = [seen.rows for seen in sampler.progress()]
    assert abs(rows[0] - rows[1]) <= 1
    assert (rows[0] > 5) == (after == 300)
    assert np.isfinite(output.draws[:, : min(rows)]).all()


@pytest.mark.parametrize(
    ("result", "error"),
    [((0.0, np.zeros(3)), ValueError), (None, TypeError), ((0.0, "x"), ValueError)],
)
def test_a_result_that_is_none(result: Any, error: type[Exception]) -> None:
    density = DensitySpec.from_callable(lambda x: result, 2)
    with pytest.raises(error):
        run_chains(density, NutsConfig(warmup=5), np.ones((1, 2)), 0, 5)


def test_value_and_gradient_at_a_point() -> None:
    value, gradient = target("normal", 2, [1.0, 2.0]).value_and_gradient(np.array([1.0, 2.0]))
    assert value == -1.0 and np.array_equal(gradient, [-1.0, -0.5])
    with pytest.raises(RuntimeError, match="answered 3"):
        target("failing", 1, [3.0, 0.0]).value_and_gradient(np.ones(1))
    with pytest.raises(LookupError):
        raising(0).value_and_gradient(np.ones(2))
    with pytest.raises(KeyError, match="no target named"):
        target("nothing", 1)


def test_progress_is_reported_and_may_stop_the_run() -> None:
    seen: list[list[ChainProgress]] = []
    density = target("schools", 10)
    sampler = Sampler(density, NutsConfig(), np.zeros((2, 10)), seed=0)
    output = Output.allocate(2, 3000, 10)
    sampler.advance(3000, output, on_progress=seen.append, poll_seconds=0.002)
    iterations = [report[0].iteration for report in seen]
    assert iterations == sorted(iterations) and iterations[-1] == 3000
    assert seen[-1][1].step_size == output.step_size[1, -1] and seen[-1][1].rows == 3000
    assert seen[-1][0].gradients > output.leapfrogs[0].sum()

    def stop(report: list[ChainProgress]) -> None:
        raise StopIteration("enough")

    for stopped in (density, DensitySpec.from_callable(density.value_and_gradient, 10)):
        sampler = Sampler(stopped, NutsConfig(), np.zeros((2, 10)), seed=0)
        with pytest.raises(StopIteration, match="enough"):
            sampler.advance(3000, output, on_progress=stop, poll_seconds=0.001)
        assert sampler.progress()[0].rows < 3000


def test_an_output_without_room() -> None:
    sampler = Sampler(target("normal", 1, [1.0]), NutsConfig(), np.zeros((2, 1)), seed=0)
    for output in (Output.allocate(2, 9, 1), Output.allocate(1, 10, 1), Output.allocate(2, 10, 2)):
        with pytest.raises(ShapeError, match=r"room for \(2, 10, 1\)"):
            sampler.advance(10, output)


INTERRUPTED = """
import sys, time, numpy as np
from pyro.native import *
density = target("schools", 10)
if sys.argv[1] == "python":
    density = DensitySpec.from_callable(density.value_and_gradient, 10)
print("ready", flush=True)
start, many = np.zeros((2, 10)), 30_000_000 // int(sys.argv[2])
result = run_chains(density, NutsConfig(warmup=10), start, 0, many)
output = result.output
print(result.interrupted, output.rows > 0, np.isfinite(output.draws).all(), len(result.states))
"""


@pytest.mark.parametrize(("kind", "fewer"), [("machine", 10), ("python", 100)])
def test_control_c_returns_what_there_is(kind: str, fewer: int) -> None:
    command = [sys.executable, "-c", INTERRUPTED, kind, str(fewer)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "True True True 2\n"
        assert process.wait() == 0
