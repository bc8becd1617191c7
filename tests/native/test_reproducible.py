"""The draws depend on the seed, the chain and nothing else; a saved chain goes on bit for bit."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyro.errors import CheckpointError
from pyro.native import (
    DensitySpec,
    HmcConfig,
    KernelConfig,
    NutsConfig,
    Output,
    Sampler,
    run_chains,
    target,
)

CONFIGS: dict[str, KernelConfig] = {
    "diagonal": NutsConfig(warmup=60),
    "stan": NutsConfig(warmup=60, rule="stan"),
    "low_rank": NutsConfig(warmup=60, metric="low_rank"),
    "automatic": NutsConfig(warmup=60, metric="automatic"),
    "dense": NutsConfig(warmup=60, metric="dense"),
    "blocks": NutsConfig(warmup=60, metric="dense", blocks=[[0, 3], [5, 1, 2]]),
    "hmc": HmcConfig(warmup=60, trajectory_length=1.0, step_size_jitter=0.1),
}
ROWS = 100


def schools() -> DensitySpec:
    return target("schools", 10)


def sampler(config: KernelConfig, chains: int = 3, first: int = 0) -> Sampler:
    start = np.linspace(-1, 1, 40).reshape(4, 10)[first : first + chains]
    return Sampler(schools(), config, start, seed=11, first_chain=first)


def arrays(output: Output) -> dict[str, np.ndarray]:
    every = {item.name: getattr(output, item.name) for item in dataclasses.fields(output)}
    return {
        name: array
        for name, array in every.items()
        if array is not None and not name.startswith("divergence_")
    }


def whole_run(config: KernelConfig) -> Output:
    output = Output.allocate(3, ROWS, 10, gradients=True)
    sampler(config).advance(ROWS, output)
    return output


def assert_same(one: Output, other: Output) -> None:
    for name, array in arrays(one).items():
        assert np.array_equal(array, arrays(other)[name]), name


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_change_nothing(threads: int) -> None:
    output = Output.allocate(3, ROWS, 10, gradients=True)
    sampler(CONFIGS["diagonal"]).advance(ROWS, output, threads=threads)
    assert_same(output, whole_run(CONFIGS["diagonal"]))


def test_a_chain_depends_on_its_number_only() -> None:
    output = Output.allocate(1, ROWS, 10)
    sampler(CONFIGS["diagonal"], chains=1, first=2).advance(ROWS, output)
    assert np.array_equal(output.draws[0], whole_run(CONFIGS["diagonal"]).draws[2])
    assert not np.array_equal(output.draws[0], whole_run(CONFIGS["diagonal"]).draws[1])


def test_python_takes_turns_and_gives_the_same() -> None:
    machine = schools()
    python = DensitySpec.from_callable(machine.value_and_gradient, 10)
    start = np.linspace(-1, 1, 20).reshape(2, 10)
    config = NutsConfig(warmup=20)
    ours = run_chains(python, config, start, 1, 10)
    assert np.array_equal(ours.output.draws, run_chains(machine, config, start, 1, 10).output.draws)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("cuts", [[0], [1], [7, 15, 16, 30, 59, 60, 61], [95]])
def test_a_chain_that_is_saved_and_loaded(name: str, cuts: list[int]) -> None:
    config = CONFIGS[name]
    output = Output.allocate(3, ROWS, 10, gradients=True)
    running = sampler(config)
    for begin, end in zip([0, *cuts], [*cuts, ROWS], strict=True):
        running.advance(end - begin, output, first=begin)
        states = running.save()
        running = sampler(config)
        running.load(states)
    assert_same(output, whole_run(config))
    whole = sampler(config)
    whole.advance(ROWS, output)
    assert [seen.gradients for seen in running.progress()] == [
        seen.gradients for seen in whole.progress()
    ]


CONTINUE = """
import sys, numpy as np
from tests.native.test_reproducible import *
running, rows = sampler(CONFIGS[sys.argv[1]]), int(sys.argv[2])
states = np.load(sys.argv[3] + ".npz")
running.load([states[str(i)].tobytes() for i in range(3)])
output = Output.allocate(3, rows, 10)
running.advance(rows, output)
np.save(sys.argv[3], output.draws)
"""


def test_a_new_process_goes_on(tmp_path: Path) -> None:
    running = sampler(CONFIGS["low_rank"])
    running.advance(40, Output.allocate(3, 40, 10))
    states = {str(i): np.frombuffer(s, np.uint8) for i, s in enumerate(running.save())}
    file = tmp_path / "state"
    np.savez(file, **states)  # type: ignore[arg-type]
    arguments = ["low_rank", str(ROWS - 40), str(file)]
    subprocess.run([sys.executable, "-c", CONTINUE, *arguments], check=True)
    assert np.array_equal(np.load(f"{file}.npy"), whole_run(CONFIGS["low_rank"]).draws[:, 40:])


@pytest.mark.parametrize("name", ["stan", "low_rank"])
def test_interrupted_at_any_evaluation(name: str) -> None:
    """Stopped within a trajectory, in warm-up too, and advanced again."""
    machine, config = schools(), CONFIGS[name]
    start = np.linspace(-1, 1, 10)[None]
    left = [3]

    class StoppedError(Exception):
        pass

    def density(x: np.ndarray) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise StoppedError
        return machine.value_and_gradient(x)

    rows = 80
    expected, output = Output.allocate(1, rows, 10), Output.allocate(1, rows, 10)
    Sampler(machine, config, start, seed=4).advance(rows, expected)
    running = Sampler(DensitySpec.from_callable(density, 10), config, start, seed=4)
    rng, done = np.random.default_rng(0), 0
    while done < rows:
        left[0] = int(10 ** rng.uniform(0, 3.3))  # one iteration may take 1023
        with contextlib.suppress(StoppedError):
            running.advance(rows - done, output, first=done)
        done += running.progress()[0].rows
    assert_same(expected, output)


def test_interrupted_from_another_thread() -> None:
    config = NutsConfig(warmup=100)
    running = sampler(config)
    rows = 20_000
    output = Output.allocate(3, rows, 10)
    threading.Timer(0.05, running.interrupt).start()
    running.advance(rows, output, threads=2)
    counts = [seen.rows for seen in running.progress()]
    assert min(counts) < rows
    expected = Output.allocate(3, max(counts) + 20, 10)
    sampler(config).advance(max(counts) + 20, expected)
    for chain, count in enumerate(counts):
        assert np.array_equal(output.draws[chain, :count], expected.draws[chain, :count])
    more = Output.allocate(3, 20, 10)
    running.advance(20, more)
    for chain, count in enumerate(counts):
        assert np.array_equal(more.draws[chain], expected.draws[chain, count : count + 20])


def test_thinning_and_rows_that_are_not_written() -> None:
    config = NutsConfig(warmup=30)
    every, some = Output.allocate(2, 60, 10), Output.allocate(2, 10, 10)
    sampler(config, chains=2).advance(90, every, first=-30)
    sampler(config, chains=2).advance(40, some, first=-30, thinning=6)
    assert np.array_equal(some.draws, every.draws[:, 5::6])


@pytest.mark.parametrize("damage", ["short", "bit", "empty", "long", "config", "count"])
def test_a_state_that_cannot_be_loaded(damage: str) -> None:
    running = sampler(CONFIGS["diagonal"])
    states = running.save()
    whole = states[1]
    flipped = bytes([*whole[:60], whole[60] ^ 1, *whole[61:]])
    damaged = {"short": whole[:-9], "bit": flipped, "empty": b"", "long": whole + b"x"}
    states[1] = damaged.get(damage, whole)
    if damage == "config":
        running = sampler(CONFIGS["stan"])
    if damage == "count":
        states.pop()
    with pytest.raises(CheckpointError):
        running.load(states)
