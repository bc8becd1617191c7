"""Products of matrices by BLAS against torch, in the same precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from pyro.compile import NotCapturable, gemm
from pyro.compile.draws import make_key
from pyro.compile.iteration import Iteration, Outcome, compile_iteration

pytestmark = pytest.mark.skipif(not gemm.is_there(gemm.SINGLE), reason="torch has another BLAS")
ROUTINES = {torch.float32: gemm.SINGLE, torch.float64: gemm.DOUBLE}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}  # of the largest element


class Case(NamedTuple):
    """A program of tensors of these shapes, and how many products of its gradient are calls."""

    fn: Callable[..., Tensor]
    shapes: tuple[tuple[int, ...], ...]
    calls: int


def _gelu_net(x: Tensor, w: Tensor, b: Tensor, v: Tensor) -> Tensor:
    return nn.functional.linear(nn.functional.gelu(nn.functional.linear(x, w, b)), v)


CASES: dict[str, Case] = {
    "product": Case(lambda a, b: a @ b, ((48, 40), (40, 36)), 3),
    "left transposed": Case(lambda a, b: a.T @ b, ((40, 48), (40, 36)), 3),
    "right transposed": Case(lambda a, b: a @ b.T, ((48, 40), (36, 40)), 3),
    "both transposed": Case(lambda a, b: a.T @ b.T, ((40, 48), (36, 40)), 3),
    "result transposed": Case(
        lambda a, b: torch.einsum("ik,kj->ji", a, b).contiguous().sin(), ((48, 40), (40, 36)), 3
    ),
    "negative": Case(lambda a, b: (-a.exp()) @ b, ((48, 40), (40, 36)), 3),
    "times numbers": Case(
        lambda a, b: torch.addmm(a[:, :36], a.exp() * -0.3, b, alpha=2.5, beta=0.7),
        ((48, 40), (40, 36)),
        3,
    ),
    "with itself": Case(lambda a: a.T @ a, ((48, 40),), 3),
    "rows and columns left out": Case(lambda a, b: a[3:, 5:] @ b[5:, :33], ((50, 45), (45, 40)), 3),
    "every other column": Case(lambda a, b: a[:, ::2] @ b[::2].flip(1), ((48, 80), (80, 36)), 3),
    "batch": Case(lambda a, b: a @ b, ((3, 32, 24), (3, 24, 28)), 3),
    "one matrix for a batch": Case(lambda a, b: a @ b, ((3, 32, 24), (24, 28)), 3),
    "dims between": Case(
        lambda a, b: torch.einsum("ibk,bkj->ibj", a, b), ((32, 3, 24), (3, 24, 28)), 3
    ),
    "sums over a batch": Case(
        lambda a, b: torch.einsum("bik,bkj->ij", a, b), ((3, 32, 24), (3, 24, 28)), 3
    ),
    "joined": Case(
        lambda a, b, c: torch.cat([a, b], 1).exp() @ c, ((32, 20), (32, 12), (32, 24)), 3
    ),
    "joined alone": Case(
        lambda a, b, c: torch.cat([a, b], 1) @ c, ((32, 20), (32, 12), (32, 24)), 3
    ),
    "weights that add up to one": Case(
        lambda a, b: (a / a.sum(1, keepdim=True)) @ b, ((48, 40), (40, 36)), 3
    ),
    "sums": Case(lambda a, b: a.sum(0) @ b, ((3, 48, 40), (40, 36)), 3),
    "cumulative sums": Case(lambda a, b: a.cumsum(1) @ b, ((48, 40), (40, 36)), 3),
    "products of products": Case(lambda a, b, c: a @ b @ c, ((48, 40), (40, 36), (36, 44)), 6),
    "attention": Case(
        lambda q, k, v: ((q @ k.mT).softmax(-1)) @ v, ((2, 40, 24), (2, 44, 24), (2, 44, 16)), 6
    ),
    "network": Case(_gelu_net, ((64, 20), (48, 20), (48,), (30, 48)), 6),
    "small": Case(lambda a, b: a @ b, ((12, 10), (10, 9)), 0),
    "thin": Case(lambda a, b: a @ b, ((800, 3), (3, 400)), 0),
    "vectors": Case(lambda a, b: a @ b, ((300, 200), (200,)), 0),
    "written in place": Case(
        lambda a, b: (a @ b).mul_(2.0).transpose_(0, 1).add_(1.0), ((48, 40), (40, 36)), 3
    ),
}


def program(case: Case, dtype: torch.dtype) -> tuple[list[Tensor], Callable[[], Outcome]]:
    """Vectors, and a step that moves them along the gradient of a sum of squares."""
    torch.manual_seed(sum(map(sum, case.shapes)))
    state = [torch.rand(torch.Size(s).numel(), dtype=dtype) + 0.2 for s in case.shapes]

    def step() -> Outcome:
        given = [
            x.reshape(s).clone().requires_grad_() for x, s in zip(state, case.shapes, strict=True)
        ]
        found = case.fn(*given)
        loss = (found - 0.3).square().mean()
        gradients = [g.reshape(-1) for g in torch.autograd.grad(loss, given)]
        moved = [x - 0.1 * g for x, g in zip(state, gradients, strict=True)]
        value = loss.detach().double()
        return Outcome(value, value.isfinite(), moved, [found.detach().reshape(-1), *gradients])

    return state, step


def compiled(
    case: Case, dtype: torch.dtype
) -> tuple[list[Tensor], Iteration, Callable[[], Outcome]]:
    state, step = program(case, dtype)
    key = make_key(0)

    def keyed() -> Outcome:
        outcome = step()
        return outcome._replace(state=[key, *outcome.state])

    return state, compile_iteration(keyed, [key, *state], products=ROUTINES[dtype]), step


def assert_close(found: Tensor, expected: Tensor, dtype: torch.dtype, times: int = 1) -> None:
    scale = float(expected.abs().max())
    gap = float((found.double() - expected.double()).abs().max())
    assert gap <= times * TOLERANCE[dtype] * scale, (gap, scale)


@pytest.mark.parametrize("dtype", ROUTINES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str, dtype: torch.dtype) -> None:
    case = CASES[name]
    state, iteration, step = compiled(case, dtype)
    expected = step()
    values, refused = iteration.run(1)
    assert not refused
    assert_close(torch.tensor(values, dtype=torch.float64), expected.value, dtype)
    for found, wanted in zip(iteration.extras, expected.extras, strict=True):
        assert_close(found, wanted, dtype)
    for found, wanted in zip(state, expected.state, strict=True):
        assert_close(found, wanted, dtype)
    calls = [n for n in iteration._program.nodes if n.attr.__class__.__name__ == "Routine"]
    assert sum(n.attr.name == ROUTINES[dtype] for n in calls) == case.calls


@pytest.mark.parametrize("parts", [(7,), (1,) * 7, (2, 5), (4, 3)])
def test_many_steps_are_the_same_as_one_by_one(parts: tuple[int, ...]) -> None:
    """A large state is not copied from step to step, whatever the number of steps."""
    case = Case(lambda a, b: a @ b, ((80, 60), (60, 70)), 3)
    state, step = program(case, torch.float32)
    for _ in range(7):
        state[:] = step().state
    expected = [x.clone() for x in state]
    state, iteration, _ = compiled(case, torch.float32)
    losses = [loss for n in parts for loss in iteration.run(n)[0]]
    assert len(losses) == 7 and losses == sorted(losses, reverse=True)
    for found, wanted in zip(state, expected, strict=True):
        assert_close(found, wanted, torch.float32, times=7)


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
def test_a_step_that_is_refused_leaves_a_large_state_as_it_was(limit: int) -> None:
    key, x, n = make_key(0), torch.zeros(5000), torch.zeros(1)

    def step() -> Outcome:
        count = n + 1
        return Outcome(count.sum().double(), (count <= limit).all(), [key, x + 2.0, count])

    iteration = compile_iteration(step, [key, x, n], products=gemm.SINGLE)
    values, refused = iteration.run(9)
    assert refused and values == [float(k + 1) for k in range(limit)]
    assert bool((x == 2.0 * limit).all()) and n.item() == limit


def test_inputs_and_constants_are_in_single_precision() -> None:
    torch.manual_seed(0)
    key, w = make_key(0), torch.randn(40 * 36)
    constant, given, wide = torch.randn(36, 30), torch.randn(48, 40), torch.randn(48, 30).double()

    def step() -> Outcome:
        found = (given @ w.reshape(40, 36)).relu() @ constant + wide.float()
        return Outcome(found.sum().double(), torch.tensor(True), [key, w * 2], [found.reshape(-1)])

    iteration = compile_iteration(step, [key, w], inputs=[given, wide], products=gemm.SINGLE)
    for _ in range(3):
        expected = step()
        given_now, wide_now = given, wide
        iteration.run(1, [given_now, wide_now])
        assert_close(iteration.extras[0], expected.extras[0], torch.float32)
        given, wide = torch.randn(48, 40), torch.randn(48, 30).double()
    assert "held in     float32" in str(iteration.report())


def test_a_state_that_lapack_reads_is_refused() -> None:
    key, w = make_key(0), torch.eye(40).reshape(-1)

    def step() -> Outcome:
        factor = torch.linalg.cholesky(w.reshape(40, 40))
        return Outcome(factor.sum().double(), torch.tensor(True), [key, w])

    with pytest.raises(NotCapturable, match="needs the state"):
        compile_iteration(step, [key, w], products=gemm.SINGLE)
