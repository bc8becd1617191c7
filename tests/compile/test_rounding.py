"""Programs that round to float32 where torch does: the same numbers as torch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from pyro.compile import gemm
from pyro.compile.draws import make_key
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Op
from pyro.compile.iteration import Iteration, Outcome, compile_iteration
from pyro.compile.rounding import Rounding
from tests.compile.case import real, whole
from tests.compile.eager import with_gradients

X, Y = real(6, 7, seed=1).float(), real(6, 7, low=0.3, seed=2).float()
N = whole(6, 7, high=3)
Program = Callable[..., Any]


def code(fn: Program, *inputs: Tensor) -> tuple[list[Tensor], Iteration]:
    """What the code of a step returns that computes ``fn``."""
    key = make_key(0)

    def step() -> Outcome:
        found = fn(*inputs)
        results = list(found) if isinstance(found, (tuple, list)) else [found]
        flat = [y.detach().to(y.dtype).reshape(-1) for y in results]
        return Outcome(torch.zeros((), dtype=torch.float64), torch.tensor(True), [key], flat)

    iteration = compile_iteration(step, [key], inputs=inputs, products=gemm.SINGLE)
    _, refused = iteration.run(1, inputs)
    assert not refused and not iteration.report().called_out
    return iteration.extras, iteration


def expected(fn: Program, *inputs: Tensor) -> list[Tensor]:
    found = fn(*inputs)
    results = found if isinstance(found, (tuple, list)) else [found]
    return [y.detach().reshape(-1) for y in results]


def assert_same(fn: Program, *inputs: Tensor) -> None:
    """Bit by bit, but for the signs of zeros."""
    for found, wanted in zip(code(fn, *inputs)[0], expected(fn, *inputs), strict=True):
        torch.testing.assert_close(found.to(wanted.dtype), wanted, rtol=0, atol=0, equal_nan=True)


# ------------------------------------------------------------ exactly

EXACT: dict[str, Program] = {
    "sums": lambda x, y: (x + y - x) - (y - x),
    "products": lambda x, y: x * y * x * y * 3,
    "products and sums": lambda x, y: x * y + (x - 2 * y) * x - y,
    "quotients": lambda x, y: x / y / (y + 1) / 3,
    "numbers": lambda x, y: x * 0.1 + 0.7 - y / 0.3 - 1 / y,
    "numbers of numbers": lambda x, y: (x * 0.1 * 0.3 * 0.7, -0.5 * x * 2.2, 0.1 * (0.3 * y)),
    "powers": lambda x, y: x**2 - y**2 + 3 * y**-1,
    "signs": lambda x, y: -(x - y).abs() * (-y) + (-x) * (2 - y) / -(y + 9 - x),
    "choices": lambda x, y: torch.where(x + y > 1, x * y, -y / 3).maximum(x * 0.3).clamp(-0.7, 0.9),
    "rectified": lambda x, y: (x * y).relu() + F.leaky_relu(x - y, 0.1) + F.hardtanh(x * 3),
    "comparisons": lambda x, y: (x + 1e-9 * y > x, x * 0.1 == x / 10, (x - y) <= (x - y) * 1.0),
    "whole numbers": lambda x, y: (x * 5).floor() * 0.1 + (y * 7).round() / 3 + (x * 9).trunc(),
    "one number": lambda x, y: x[0, 0] * x + (y[1, 1] * 0.1 - x[2, 2]) / y,
    "rows and columns": lambda x, y: (x[:, :1] * y[:1] - x[1]) / y[:, 2:3],
    "transposed": lambda x, y: (x.mT / y.mT).reshape(6, 7) * x - y.flip(1),
    "in parts": lambda x, y: torch.cat([x[:2] * 0.1, y[2:] / 3], 0) + torch.stack([x, y])[0] * y,
    "in place": lambda x, y: (x * 1).mul_(y).add_(x[0]).div_(y) + x.clone().fill_(0.1),
    "written into": lambda x, y: _written(x, y),
    "gathered": lambda x, y: (x * 0.1).gather(1, N) + (y / 3)[N[0]][:, :6].mT[:6] @ torch.eye(7),
    "double precision in between": lambda x, y: (x.double() / 3 + y).float() * y - x,
    "rounded to double": lambda x, y: (x * 0.1).double() * y.double(),
    "from integers": lambda x, y: (N * 16777217).float() * x + (x > 0) * y + N,
    "too large and too small": lambda x, y: (
        x * 1e38 * 100 - y * 1e38,
        x * 1e-30 * 1e-12 + y * 1e-44,
        x * 1e-30 * 1e-12 / (y * 1e-40),
    ),
    "maximum of all": lambda x, y: (x * 0.1).amax(1) - (y / 3).amin() + (x * y).max(),
    "below the rounding": lambda x, y: ((x + 1e-20 * y) - x) / (1e-20 * y),
    "double scalars": lambda x, y: x * (y.double().sum() / 3) + y.double()[0, 0] * 0.1,
}
DIFFERENTIABLE = ["products and sums", "quotients", "signs", "rectified", "in parts"]


def _written(x: Tensor, y: Tensor) -> Tensor:
    z = torch.zeros_like(x)
    z[1:3] = x[1:3] * 0.1
    z[:, 2] += y[:, 2] / 3
    z[0] = z[1] - x[0]
    return z * y


@pytest.mark.parametrize("name", EXACT)
def test_exactly(name: str) -> None:
    assert_same(EXACT[name], X, Y)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_exactly(name: str) -> None:
    """Of elements, in programs that do nothing twice: sums may be taken in another order."""

    def slopes(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        x, y = (t.detach().requires_grad_() for t in (x, y))
        found = EXACT[name](x, y)
        return torch.autograd.grad(found, [x, y], torch.ones_like(found) * 0.1)

    assert_same(slopes, X, Y)


def test_roots_exactly() -> None:
    """Rounded to nearest, which not all roots of torch are."""
    x = real(4000, low=0.0, high=9.0).float()
    (found,) = code(lambda x: (x * 0.1).sqrt(), x)[0]
    assert torch.equal(found, (x * 0.1).double().sqrt().float())


def _trees() -> st.SearchStrategy[Program]:
    leaves = st.sampled_from(
        [lambda x, y: x, lambda x, y: y, lambda x, y: x.mT, lambda x, y: y[0, 0], lambda x, y: y[1]]
    )
    numbers = st.sampled_from([0.1, -0.7, 3, 1e-20, 1e20, 1 / 3])

    def larger(inner: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
        two = st.builds(_joined, st.sampled_from(TWO), inner, inner)
        one = st.builds(_after, st.sampled_from(ONE), inner)
        scaled = st.builds(_with_number, st.sampled_from(TWO), inner, numbers)
        return two | one | scaled

    return st.recursive(leaves, larger, max_leaves=12)


TWO: Sequence[Program] = (
    torch.add,
    torch.sub,
    torch.mul,
    lambda a, b: a / (torch.as_tensor(b).abs() + 0.5),
    lambda a, b: torch.maximum(a, torch.as_tensor(b, dtype=a.dtype)),
    lambda a, b: torch.where(a > b, a, b * 0.3),
)
ONE: Sequence[Program] = (torch.neg, torch.abs, torch.square, torch.relu)


def _joined(fn: Program, a: Program, b: Program) -> Program:
    return lambda x, y: fn(a(x, y), b(x, y))


def _after(fn: Program, a: Program) -> Program:
    return lambda x, y: fn(a(x, y))


def _with_number(fn: Program, a: Program, c: float) -> Program:
    return lambda x, y: fn(a(x, y), c)


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.lists(_trees(), min_size=1, max_size=4))
def test_random_chains_exactly(trees: list[Program]) -> None:
    x, y = real(5, 5, seed=3).float(), real(5, 5, seed=4).float()
    assert_same(lambda x, y: [tree(x, y) * 1.0 for tree in trees], x, y)


# ------------------------------------------------------------ nearly

NEAR: dict[str, Program] = {
    "roots": lambda x, y: (x * x + y * y).sqrt() / y.rsqrt() + y**0.5,
    "functions": lambda x, y: (x.exp() - y.log()) * x.tanh() + y.lgamma() / (x.sin() + 2),
    "one operation of several": lambda x, y: (
        F.softplus(x) + F.logsigmoid(y) + F.gelu(x * y) + torch.lerp(x, y, 0.3) * F.silu(y)
    ),
    "normalised": lambda x, y: F.layer_norm(x * y, (7,)) + (x / y).softmax(1) * y.log_softmax(0),
    "sums of elements": lambda x, y: (x * y).sum(0) / 3 - (x.mean() + y.var(0)) * (x * y).sum(),
    "cumulative": lambda x, y: (x * 0.1).cumsum(1) * y.logcumsumexp(0),
    "entropy": lambda x, y: F.binary_cross_entropy_with_logits(x * y, y.sigmoid()),
    "products of matrices": lambda x, y: (x @ y.mT).tanh() @ x / 3 + torch.addmm(x, x @ y.mT, y),
    "small parts": lambda x, y: (x[:, 1:] - x[:, :-1]).square() * y[:, 1:] + x[:, ::2].sum() * 0.1,
}


@pytest.mark.parametrize("name", NEAR)
def test_nearly(name: str) -> None:
    """To a few units of the last of 24 digits, relative to the largest; gradients, too."""
    fn = with_gradients(NEAR[name])
    for found, wanted in zip(code(fn, X, Y)[0], expected(fn, X, Y), strict=True):
        scale = float(wanted.abs().max())
        assert float((found - wanted).abs().max()) <= 16 * 2.0**-23 * scale
        assert torch.equal(found, found.float())


def test_what_torch_executes_and_draws_is_rounded() -> None:
    def f(x: Tensor) -> tuple[Tensor, ...]:
        spread = torch.randn(5000) * 1e-20
        return torch.rand(5000) * 0.1, (x[0, 0] + spread) - x[0, 0]

    key = make_key(3)

    def step() -> Outcome:
        found = [y.detach() for y in f(X)]
        return Outcome(torch.zeros(()).double(), torch.tensor(True), [key], found)

    made = compile_iteration(step, [key], inputs=[X], products=gemm.SINGLE)
    made.run(1, [X])
    uniform, nothing = made.extras
    assert torch.equal(uniform, uniform.float()) and uniform.max() < 0.1
    assert not nothing.any()


# ------------------------------------------------------------ what is rounded, and what is not


def test_rounded_once() -> None:
    """What float32 holds is not rounded again: views, choices, signs, copies, truth values."""
    graph = Graph()
    rounding = graph.rounding = Rounding(graph, [0])
    x = graph.input(0, (4, 3), Kind.F)
    wide = graph.input(1, (4, 3), Kind.F)
    rounded = rounding(graph.map("exp", x))
    assert rounded.node.attr[0] == "single" and rounding(rounded) is rounded
    truth = graph.cast(graph.map("lt", x, rounded), Kind.F)
    for exact in (
        x,
        truth,
        graph.map("neg", rounded),
        graph.map("abs", rounded),
        graph.map("maximum", x, rounded),
        graph.map("select", graph.map("lt", x, wide), x, rounded),
        graph.copy(x),
        graph.reduce("max", rounded, [0]),
        graph.literal(0.5, Kind.F),
        graph.constant(torch.tensor([0.1, 0.2])),
        graph.update(graph.full((4, 3), 0, Kind.F), "add", (3, 1), 0, x),
    ):
        assert rounding(exact) is exact
    for other in (
        wide,
        graph.map("add", x, x),
        graph.map("maximum", x, wide),
        graph.reduce("sum", x, [0]),
        graph.constant(torch.tensor([0.1, 0.2], dtype=torch.float64)),
        graph.update(graph.full((4, 3), 0, Kind.F), "add", (1, 1), 0, x),
        graph.update(graph.full((4, 3), 0, Kind.F), "set", (3, 1), 0, wide),
    ):
        assert rounding(other).node.attr[0] == "single"
    assert float(rounding(graph.literal(0.1, Kind.F)).node.attr) == torch.tensor(0.1).item()
    minus = rounding(graph.map("neg", graph.map("exp", x)))
    assert minus.node.attr[0] == "neg" and minus.node.args[0].node is rounded.node


def test_writes_are_joined_through_roundings() -> None:
    """The gradients of the parts of an array make one array."""

    def f(x: Tensor) -> Tensor:
        parts = [x[:, k] * (0.1 * k) for k in range(7)]
        return torch.stack(parts, 1).exp()

    fn = with_gradients(f)
    found, iteration = code(fn, X)
    wanted = expected(fn, X)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a.float(), b, rtol=1e-6, atol=1e-6)
    writes = [n for n in iteration._program.nodes if n.op is Op.UPDATE and n.attr.mode == "add"]
    sums = [
        n for n in iteration._program.nodes if n.op is Op.MAP and n.attr[0] == "add" and n.size > 1
    ]
    assert not sums and len(writes) == 6


def test_long_chains_of_writes() -> None:
    """No recursion that is as deep as they are long."""

    def f(x: Tensor) -> Tensor:
        total = torch.zeros(1200)
        for k in range(1200):
            total[k].copy_(x[k % 6, k % 7])
        return total * 0.1

    assert_same(f, X)


def test_integers_that_are_copied_wrap_around() -> None:
    assert_same(lambda n: torch.zeros(6, 7, dtype=torch.int8).copy_(n * 100), N)


@pytest.mark.skipif(not gemm.is_there(gemm.SINGLE), reason="torch has another BLAS")
def test_products_of_matrices_are_not_rounded_again() -> None:
    net = nn.Sequential(nn.Linear(40, 48, bias=False), nn.Linear(48, 36, bias=False))
    _, iteration = code(net, torch.randn(40, 40))
    nodes = iteration._program.nodes
    assert sum(n.op is Op.CALL for n in nodes) == 2
    assert not any(n.op is Op.MAP and n.attr[0] == "single" for n in nodes)


def test_arrays_that_are_rounded_are_float32_in_memory() -> None:
    _, iteration = code(lambda x: ((x * 0.1).exp() + (x * 0.1).exp().flip(0)).sum(1), X)
    single = iteration._program.single or ()
    assert {n.attr[0] for n in single if n.op is Op.MAP} >= {"single"}
    assert "float32" in iteration._program.explain()
    wide = [n for n in iteration._program.nodes if n.op is Op.REDUCE]
    assert wide and not set(wide) & set(single)
