"""Arrays held in float32: what differs, by how much, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

import pyro.distributions as dist
from pyro.compile import (
    CompiledFunction,
    NativeDensity,
    NotCapturable,
    compile,
    compile_value_and_grad,
    single,
)
from tests.compile.case import in_single, narrow, real
from tests.compile.models import SIZES, compiled
from tests.compile.programs import CASES
from tests.compile.test_rows import with_gradients

ROWS = 3000
MATRIX = real(ROWS, 7, seed=1)
LABELS = (MATRIX.sum(-1) > 0).double()
ROW_CASES = [
    pytest.param(case, id=case.name, marks=[pytest.mark.slow] if k % 3 else [])
    for k, case in enumerate(CASES)
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of two elements are large."""
    monkeypatch.setattr(single, "LEAST", 2)


def logistic(x: Tensor) -> Tensor:
    law = dist.Bernoulli(logits=MATRIX @ x, validate_args=False)
    return law.log_prob(LABELS).sum() - x.square().sum()


def made(dtype: torch.dtype) -> NativeDensity:
    return compile_value_and_grad(logistic, torch.zeros(7, dtype=torch.float64), dtype=dtype)


def code(fn: Callable[..., object], *inputs: Tensor) -> CompiledFunction:
    """Machine code that has been compared with its program."""
    f = compile(fn, *inputs, dtype=torch.float32)
    assert f.reason is None
    return f


def distance(found: Tensor, expected: Tensor) -> float:
    """Of what is finite, relative to the largest."""
    assert torch.equal(found.isnan(), expected.isnan())
    finite = expected.isfinite()
    assert torch.equal(found[~finite & ~found.isnan()], expected[~finite & ~expected.isnan()])
    scale = expected[finite].abs().max().clamp(min=1.0) if finite.any() else torch.ones(())
    gap = (found[finite].double() - expected[finite].double()).abs()
    return float(gap.max() / scale) if gap.numel() else 0.0


# ------------------------------------------------------------ how near


@pytest.mark.parametrize("name", SIZES)
def test_models(name: str, small: None) -> None:
    """Gradients and values differ by roundings of what is in memory."""
    held, exact = compiled(name, torch.float32), compiled(name)
    x = 0.3 * torch.sin(7 * torch.arange(2 * held.dim, dtype=torch.float64) + 1)
    x = x.reshape(2, held.dim)
    for found, expected in zip(held.value_and_grad(x), exact.value_and_grad(x), strict=True):
        assert found.dtype is torch.float64
        assert distance(found, expected) < 1e-5
    assert held.report().called_out == exact.report().called_out


@pytest.mark.parametrize("case", ROW_CASES)
def test_rows(case, small: None) -> None:
    """Real numbers come and go as float32; integers and truth values are as they were."""
    given = [narrow(t) for t in case.inputs]
    run = in_single(with_gradients(case))
    f = compile(run, *given, verify=False, dtype=torch.float32)
    assert f.reason is None
    for a, b in zip(*map(pytree.tree_leaves, (f(*given), run(*given))), strict=True):
        assert a.dtype is b.dtype is not torch.float64
        if b.is_floating_point():
            assert distance(a, b) < 1e-5
        else:
            assert torch.equal(a, b)


def test_sums_are_float64() -> None:
    """Of single terms, and of what blocks of rows give."""
    x = real(100_000, 3, low=0.0).float()

    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.sum(), x.mT @ x.sum(1)

    for found, exact in zip(code(f, x)(x), f(x.double()), strict=True):
        torch.testing.assert_close(found.double(), exact, rtol=1e-7, atol=0)


# ------------------------------------------------------------ what is as it was


def test_a_maximum_is_one_of_its_elements(small: None) -> None:
    """What a loop compares with what another has written is what that one wrote."""

    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        y = (x * 1.1).exp()
        (slope,) = torch.autograd.grad(y.amax(), x)
        return y.amax(), slope

    x = real(400, seed=5).float()
    for a, b in zip(code(f, x)(x), f(x), strict=True):
        assert distance(a, b.detach()) < 1e-4


def test_no_numbers_and_overflow(small: None) -> None:
    x = torch.tensor([1.0, torch.nan, torch.inf, -torch.inf, 3e38, 0.0, -0.0])
    f = code(lambda x: (x * 2, 1 / x, x.isnan(), (x * 1e-3).exp().cumsum(0)), x)
    expected = (x * 2, 1 / x, x.isnan(), (x * 1e-3).exp().cumsum(0))
    for a, b in zip(f(x), expected, strict=True):
        torch.testing.assert_close(a, b, equal_nan=True)
    assert f(x)[1].tolist()[-2:] == [torch.inf, -torch.inf]


def test_integers_are_whole(small: None) -> None:
    n = torch.tensor([2**53 + 1, -5, 2**40 + 3])
    f = code(lambda x, n: (x.sum(), n * 2 - 1, n > 7), torch.ones(3), n)
    _, twice, large = f(torch.ones(3), n)
    assert torch.equal(twice, n * 2 - 1)
    assert torch.equal(large, n > 7)


def test_tensors_of_float64_are_float64() -> None:
    x = real(5)
    f = code(lambda x: x * 3, x)
    assert torch.equal(f(x), x * 3)


def test_draws_keep_their_digits(small: None) -> None:
    """Counters and uniform numbers are not rounded, to one least of all."""

    def f(x: Tensor) -> Tensor:
        return x + torch.rand(4000).log().cumsum(0) + torch.randn(4000)

    x = torch.zeros(4000)
    drawn = []
    for dtype in (torch.float32, torch.float64):
        made = compile(f, x, dtype=dtype)
        assert made.reason is None
        torch.manual_seed(3)
        drawn.append(made(x))
    assert torch.equal(*drawn)


def test_a_guard_falls_back_to_the_program() -> None:
    def f(x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        law = dist.VonMises(torch.tensor(0.0), k, validate_args=False)
        return law.log_prob(x), torch.linalg.cholesky(k.square() * torch.eye(3))

    x = real(5).float()
    compiled_f = code(f, x, torch.tensor(1.0))
    for a, b in zip(compiled_f(x, torch.tensor(1e4)), f(x, torch.tensor(1e4)), strict=True):
        torch.testing.assert_close(a, b)
    assert compiled_f.report().fallbacks == 1


# ------------------------------------------------------------ what it is for


def test_data_take_half_the_memory() -> None:
    held, exact = made(torch.float32), made(torch.float64)
    assert held.report().constant_bytes * 2 == exact.report().constant_bytes
    x = real(7, seed=3)
    for found, expected in zip(held.value_and_grad(x), exact.value_and_grad(x), strict=True):
        assert 0 < distance(found, expected) < 1e-7


def test_a_report_names_the_type() -> None:
    held = made(torch.float32)
    assert held.report().held is torch.float32
    assert "held in     float32" in str(held.report())
    assert held.explain().startswith("# in float32: data0")
    assert "float32" not in made(torch.float64).explain() + str(made(torch.float64).report())


def test_the_cache_keeps_them_apart() -> None:
    both = [made(torch.float32), made(torch.float64)]
    assert both[0].address != both[1].address
    again = [made(torch.float32), made(torch.float64)]
    assert [d.address for d in again] == [d.address for d in both]
    assert all(d.report().origin == "memory" for d in again)


def test_data_beyond_float32_are_found() -> None:
    data = torch.linspace(1e39, 2e39, ROWS, dtype=torch.float64)
    with pytest.raises(NotCapturable, match="differ"):
        compile_value_and_grad(
            lambda x: (data * x).sum() * 1e-39, torch.ones(1).double(), dtype=torch.float32
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64])
def test_other_types(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match="as float64 or float32, not as"):
        made(dtype)
    with pytest.raises(ValueError, match="as float64 or float32, not as"):
        compile(torch.exp, dtype=dtype)
