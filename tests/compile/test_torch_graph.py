"""Programs as graphs of torch's operations: what they do again is what they did."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import pyro.distributions as dist
from pyro.compile import NotCapturable
from pyro.compile.torch_graph import record_graph
from pyro.infer.fit.graph.replay import compiled_by_torch
from pyro.ops.circular_bessel import log_bessel_i0e
from pyro.primitives.validation import unchecked

TABLE = torch.arange(6.0).reshape(2, 3)
NORM = nn.BatchNorm1d(3)
COUNT = torch.zeros(())


def filled(x: Tensor) -> Tensor:
    made = torch.zeros(2, 3)
    made[0] = x[0]
    made[1].add_(x[1])
    return made * 2


def overwritten(x: Tensor) -> Tensor:
    c = torch.ones(3)
    first = x + c
    c.mul_(5.0)  # a constant, after it has been used
    return first + x * c


def twice(x: Tensor) -> Tensor:
    made = x.clone()
    view = made[:, 1]
    view.mul_(3.0)
    return made + view.sum()


def noisy(x: Tensor) -> Tensor:
    a = torch.empty(3).normal_() + torch.rand(3)
    return x * a + torch.randperm(3) + torch.bernoulli(torch.full((3,), 0.5))


def gamma(x: Tensor) -> Tensor:
    with unchecked():
        return dist.Gamma(x.abs() + 1.0, 1.0).rsample() + dist.Beta(x.abs(), 2.0).rsample()


def normalised(x: Tensor) -> Tensor:
    COUNT.add_(1)
    return NORM(x).tanh()


def gathered(x: Tensor) -> Tensor:
    x = torch.cat([x.detach(), x], -1)[..., torch.tensor([0, 4, 5])]
    low, high = torch.aminmax(x)
    return x.unbind(0)[0] * low + high + TABLE


def masked(x: Tensor) -> Tensor:
    made = x.clone()
    made[TABLE > 3] = x[TABLE > 3].exp() + x[TABLE[:, 0] > 1][:, 0].sum()
    made[x > 0] = 0.5
    return made + x[:, TABLE[0] > 0].sum()


def dropped(x: Tensor) -> Tensor:
    return nn.functional.dropout(x, 0.5) if bool(TABLE.sum() > 0) else x


def solved(x: Tensor) -> Tensor:
    square = x @ x.mT + torch.eye(2)
    return torch.linalg.cholesky(square).logdet() + torch.linalg.solve(square, x).sum() + x


PROGRAMS: list[Callable[[Tensor], Tensor]] = [
    filled,
    overwritten,
    twice,
    noisy,
    gamma,
    normalised,
    gathered,
    masked,
    dropped,
    solved,
]


def with_gradient(program: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    loss = program(x).square().sum()
    return loss.detach(), torch.autograd.grad(loss, x)[0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_graph_does_what_the_program_does(program: Callable[[Tensor], Tensor]) -> None:
    """For other inputs, with the same random numbers, bit for bit, and as often as is asked."""
    x = torch.randn(2, 3, requires_grad=True)
    before = [t.clone() for t in (*NORM.buffers(), COUNT)]

    def recorded() -> tuple[tuple[Tensor, Tensor], Tensor]:
        return with_gradient(program, x), torch.tensor(True)

    graph = record_graph(recorded, [x])
    for was, now in zip(before, (*NORM.buffers(), COUNT), strict=True):
        assert torch.equal(was, now)  # recording leaves no trace
    assert bool(graph.changed) == (program is normalised) and graph.elsewhere is None
    other = torch.randn(2, 3, requires_grad=True)
    torch.manual_seed(1)
    for t, value in zip((*NORM.buffers(), COUNT), before, strict=True):
        t.copy_(value)
    expected = [with_gradient(program, other) for _ in range(3)]
    generator, after = torch.get_rng_state(), [t.clone() for t in (*NORM.buffers(), COUNT)]
    torch.manual_seed(1)
    for t, value in zip((*NORM.buffers(), COUNT), before, strict=True):
        t.copy_(value)
    with torch.no_grad():
        found = [graph.module(other) for _ in range(3)]
    for theirs, ours in zip(expected, found, strict=True):
        assert torch.equal(theirs[0], ours[0]) and torch.equal(theirs[1], ours[1]) and ours[2]
    assert torch.equal(generator, torch.get_rng_state())
    assert all(map(torch.equal, after, (*NORM.buffers(), COUNT)))


def test_constants_are_folded() -> None:
    x = torch.ones(2, 3, requires_grad=True)

    def program() -> tuple[list[Tensor], Tensor]:
        weights = (TABLE @ TABLE.mT).inverse().exp().sum()
        return [x * weights], torch.tensor(True)

    graph = record_graph(program, [x]).module.graph
    assert [str(n.target) for n in graph.nodes if n.op == "call_function"] == ["aten.mul.Tensor"]


def test_a_branch_of_the_library_is_guarded() -> None:
    """The logarithm of a Bessel function looks whether an argument is large."""
    x = torch.full((3,), 2.0)
    graph = record_graph(lambda: ([log_bessel_i0e(x)], torch.tensor(True)), [x])
    for value in (3.0, 1e9):
        y = torch.full((3,), value)
        found, fine = graph.module(y)
        assert bool(fine) == (value < 10)
        assert not fine or torch.equal(found, log_bessel_i0e(y))


def branch(x: Tensor) -> Tensor:
    return x if x.sum() > 0 else -x


def number(x: Tensor) -> Tensor:
    return x * x.max().item()


def shape(x: Tensor) -> Tensor:
    return x[x > 0].sum()


def write(x: Tensor) -> Tensor:
    return x.detach().mul_(2.0)


def reread(x: Tensor) -> Tensor:
    table = TABLE * 2
    TABLE.add_(0.0)
    return x * table


def own_generator(x: Tensor) -> Tensor:
    return x + torch.rand(3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (branch, "control flow depends on the value of an input"),
        (number, "control flow"),
        (shape, "a shape depends"),
        (write, "writes into a parameter or an argument"),
        (reread, "reads and changes"),
        (own_generator, "a generator of the program's own"),
    ],
)
def test_what_is_no_graph(program: Callable[[Tensor], Tensor], reason: str) -> None:
    x = torch.ones(2, 3)
    with pytest.raises(NotCapturable, match=rf"{reason}.*test_torch_graph\.py:\d+"):
        record_graph(lambda: ([program(x)], torch.tensor(True)), [x])


@pytest.mark.slow  # torch._dynamo is imported
@pytest.mark.parametrize("program", [filled, noisy, normalised])
def test_torch_can_compile_a_graph(program: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(2, 3, requires_grad=True)
    graph = record_graph(lambda: (with_gradient(program, x), torch.tensor(True)), [x]).module
    made = compiled_by_torch(graph, backend="aot_eager")
    with torch.no_grad():
        torch.manual_seed(2)
        expected = graph(x)
        torch.manual_seed(2)
        torch.testing.assert_close(made(x), expected)
