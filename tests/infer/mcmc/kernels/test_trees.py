"""The native library and tensors grow the same trees, step by step and in flights."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from pyro.compile import CompiledCodeError, compile_value_and_grad
from pyro.infer.mcmc.kernels import ChainGenerator, native_trees, nuts, trees
from pyro.infer.mcmc.kernels.leapfrog import PhasePoint, leapfrog_
from pyro.infer.mcmc.kernels.metric import DenseMetric, DiagonalMetric, Metric, identity
from pyro.infer.mcmc.kernels.nuts_state import HEAD, KINDS, STEP, NutsState
from tests.infer.mcmc.kernels.targets import Target, banana, normal

CHAINS, DEPTH = 30, 4


def cliff(dtype: torch.dtype) -> Target:
    """Normal; nan beyond 1.5, where trajectories diverge."""
    target = normal(torch.tensor([0.5, 1.0, 2.0, 0.1]), dtype)
    inner = target.log_density
    target.log_density = lambda x: torch.where(x[..., 1] < 1.5, inner(x), torch.nan)
    return target


CASES = {
    "banana": (banana, 0.3),
    "cliff": (lambda: cliff(torch.double), 0.09),
    "single": (lambda: cliff(torch.float), 0.09),
    "none": (lambda: normal(torch.ones(0)), 0.3),
}


def same(ours: Iterable[Tensor], theirs: Iterable[Tensor], single: bool) -> None:
    tolerance = 1e-3 if single else 1e-9
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, tolerance, tolerance, equal_nan=True)


def copy(state: NutsState) -> NutsState:
    return NutsState(*(x.clone() for x in state))


@pytest.mark.parametrize("slices", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_each_step_is_the_same(case: str, slices: bool) -> None:
    """A decision is another one by rounding with a chance of 1e-10, in single precision of 1e-3."""
    make, size = CASES[case]
    torch.manual_seed(0)
    target = make()
    single = target.dtype is torch.float
    start = 0.1 * torch.randn(CHAINS, target.dim, dtype=target.dtype)
    ours = nuts.init(start, *target.value_and_grad(start), max_depth=DEPTH)
    assert native_trees.serve(ours)
    generator = ChainGenerator(1, torch.arange(CHAINS))
    step_size = torch.linspace(size, 2 * size, CHAINS, dtype=torch.double)
    ended, diverged, depths = 0, False, set()
    for _ in range(100):
        theirs = copy(ours)
        rows = ours.ended.nonzero()[:, 0]
        momentum = generator.normal(rows, target.dim)
        for begin, state in ((native_trees.begin, ours), (trees.begin, theirs)):
            begin(state, rows, momentum, generator.present(KINDS), step_size)
        same(ours, theirs, single)
        pace = identity(target.dim, start).paced(ours.numbers[STEP])
        value = leapfrog_(PhasePoint(*ours.vectors[HEAD].unbind(0)), target, pace).double()
        theirs.vectors[HEAD] = ours.vectors[HEAD]
        log_uniform = generator.log_uniform(KINDS)
        found = native_trees.grow(ours, value, log_uniform, slices)
        expected = trees.grow(theirs, value, log_uniform, slices)
        same(ours, theirs, single)
        same(found, expected, single)
        ended += len(found.chains)
        diverged |= bool(found.diverging.any())
        depths |= set(found.statistics[4].tolist())
    assert ended > CHAINS
    if target.dim > 1:
        assert depths > {1.0, 2.0}
    assert diverged or case not in ("cliff", "single")


SCALES = torch.tensor([0.5, 1.0, 2.0], dtype=torch.double)
METRICS = {
    "one": DiagonalMetric(SCALES),
    "own": DiagonalMetric(SCALES * torch.linspace(0.8, 1.2, CHAINS).double()[:, None]),
}


@pytest.mark.parametrize("slices", [False, True])
@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_flights_are_steps(metric: Metric, slices: bool) -> None:
    """A flight ends with the first trajectory, or when the generator makes new numbers."""
    density = compile_value_and_grad(lambda x: -(x / SCALES).square().sum() / 2, SCALES)
    start = torch.randn(CHAINS, 3, generator=torch.Generator().manual_seed(0)).double()
    step_size = torch.linspace(0.02, 0.3, CHAINS, dtype=torch.double)
    both = [nuts.init(start, *density.value_and_grad(start)) for _ in range(2)]
    generators = [ChainGenerator(1, torch.arange(CHAINS)) for _ in range(2)]
    flights, longest = 60, 0
    for _ in range(flights):
        options = {"metric": metric, "step_size": step_size, "slices": slices}
        ours, found, made = nuts.advance(both[0], density, generator=generators[0], **options)
        for step in range(made):
            theirs, expected = nuts.step(both[1], density, generator=generators[1], **options)
            assert step == made - 1 or not len(expected.chains)
        same(ours, theirs, single=False)
        same(found, expected, single=False)
        assert torch.equal(generators[0].time, generators[1].time)
        longest = max(longest, made)
    assert longest > 2


def test_what_flies() -> None:
    density = compile_value_and_grad(lambda x: -(x * x).sum() / 2, SCALES)
    start = SCALES.expand(2, 3)
    state = nuts.init(start, *density.value_and_grad(start))
    eye = torch.eye(3, dtype=torch.double)
    assert native_trees.serve_flights(state, density, DiagonalMetric(SCALES))
    assert not native_trees.serve_flights(state, density, DenseMetric(eye))
    assert not native_trees.serve_flights(state, normal(SCALES), DiagonalMetric(SCALES))
    single = nuts.init(start.float(), torch.zeros(2), start.float())
    assert not native_trees.serve_flights(single, density, DiagonalMetric(SCALES.float()))


def test_data_that_were_changed() -> None:
    data = torch.ones(3, dtype=torch.double)
    density = compile_value_and_grad(lambda x: -(x - data).square().sum() / 2, SCALES)
    start = SCALES.expand(2, 3)
    state = nuts.init(start, *density.value_and_grad(start))
    data[0] = 5.0
    with pytest.raises(CompiledCodeError, match="changed in place"):
        nuts.advance(
            state,
            density,
            metric=DiagonalMetric(SCALES),
            step_size=torch.ones(2, dtype=torch.double),
            generator=ChainGenerator(0, torch.arange(2)),
        )
