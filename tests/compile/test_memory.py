"""Machine code touches what it was given and nothing else, and threads share it."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.compile import NativeDensity, cache, compile_value_and_grad
from pyro.distributions.validation import trusted_values
from pyro.infer.model.density import ModelDensity
from pyro.primitives.validation import unchecked
from tests.compile.models import arguments

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pages are protected by mprotect")


def fenced(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.compile.fenced", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("side", [[], ["--before"]])
def test_an_overrun_would_be_seen(side: list[str]) -> None:
    done = fenced("--overrun", *side)
    assert done.returncode == -signal.SIGSEGV
    assert done.stdout.strip() == "reading outside"


@pytest.mark.parametrize("held", [[], ["--single"]], ids=["float64", "float32"])
@pytest.mark.parametrize("step", ["9", pytest.param("1", marks=pytest.mark.slow)])
def test_programs_stay_within_their_memory(step: str, held: list[str]) -> None:
    done = fenced(*held, step)
    last = done.stdout.splitlines()[-1]
    assert (last, done.returncode) == ("done", 0), f"{last}: {done.stderr[-2000:]}"


@pytest.mark.slow
def test_a_model_that_is_compiled_again_and_again_by_threads() -> None:
    """40 times from nowhere, at as many points; a factor of a matrix is among what it calls."""
    model, data = arguments("gaussian_process")
    torch.set_default_dtype(torch.float64)
    try:
        posterior = ModelDensity(model, **data)
        points = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
        expected = [posterior.value_and_grad(x) for x in points]

        def made(k: int) -> tuple[Tensor, Tensor]:
            cache.clear()
            at = points[(k + 1) % len(points)]
            with unchecked(), trusted_values():
                density = compile_value_and_grad(posterior.log_density, at)
            return density.value_and_grad(points[k])

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(made, range(len(points))))
    finally:
        torch.set_default_dtype(torch.float32)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


COUNTS = torch.arange(40.0, dtype=torch.float64)
THREADS, CALLS = 8, 10_000


def poisson(x: Tensor) -> Tensor:
    """Constant arrays, scratch memory, special functions and LAPACK."""
    rate = (x[0] + x[1:].sum() * torch.linspace(0, 1, 40, dtype=torch.float64)).exp()
    covariance = torch.eye(3, dtype=torch.float64) + x[:3].outer(x[:3])
    factor = torch.linalg.cholesky(covariance)
    law = dist.Poisson(rate, validate_args=False)
    return law.log_prob(COUNTS).sum() - factor.diagonal().log().sum() + rate.lgamma().sum()


@pytest.fixture(scope="module")
def density() -> NativeDensity:
    found = compile_value_and_grad(poisson, torch.zeros(4, dtype=torch.float64))
    assert not found.calls_python
    return found


def test_threads_share_code(density: NativeDensity) -> None:
    """The calls of a thread are one loop in machine code, without the interpreter's lock."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(CALLS, 4, generator=generator, dtype=torch.float64) / 3
    alone = density.value_and_grad(points)
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(density.value_and_grad, [points] * THREADS))
    for found in together:
        assert torch.equal(found[0], alone[0])
        assert torch.equal(found[1], alone[1])


def test_threads_that_call_one_by_one(density: NativeDensity) -> None:
    points = torch.linspace(-1, 1, 4 * 50, dtype=torch.float64).reshape(50, 4)
    alone = density.value(points)

    def one_by_one(_: int) -> Tensor:
        return torch.stack([density.value(p) for p in points])

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(torch.equal(found, alone) for found in pool.map(one_by_one, range(THREADS)))


def test_threads_compile_at_once() -> None:
    def made(k: int) -> Tensor:
        scale = float(k + 1)
        found = compile_value_and_grad(
            lambda x: -(x / scale).square().sum() + x.lgamma().sum(), torch.ones(k % 3 + 1)
        )
        return found.value(torch.full((k % 3 + 1,), 2.0))

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(made, range(16)))
    expected = [-(k % 3 + 1) * 4.0 / (k + 1) ** 2 for k in range(16)]
    torch.testing.assert_close(torch.stack(found), torch.tensor(expected))
