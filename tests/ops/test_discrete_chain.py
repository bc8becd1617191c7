"""Sums over hidden chains, against the recursion step by step and against autograd."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pyro.ops import discrete_chain
from pyro.ops.discrete_chain import log_evidence, log_filter
from pyro.ops.log_matmul_exp import log_matmul_exp, sequential_log_matmul_exp

BATCHES = [
    ((), (), ()),
    ((3,), (), ()),
    ((), (3,), ()),
    ((), (), (3,)),
    ((2, 1), (3,), (2, 3)),
]


def by_steps(initial: Tensor, transition: Tensor, observed: Tensor) -> Tensor:
    """The forward recursion in logarithms."""
    message = initial
    for t in range(observed.shape[-2]):
        if transition.dim() == 2:
            step = transition
        else:
            step = transition[..., min(t, transition.shape[-3] - 1), :, :]
        message = (message.unsqueeze(-1) + step).logsumexp(-2) + observed[..., t, :]
    return message


def chain(steps: int, moves: str, batches: tuple[tuple[int, ...], ...]) -> list[Tensor]:
    n = 3
    first, middle, last = batches
    shape = {"matrix": (), "same": (1,), "each": (steps,)}[moves]
    initial = torch.randn(*first, n, dtype=torch.double)
    transition = torch.randn(*(middle if shape else ()), *shape, n, n, dtype=torch.double)
    return [initial, transition, torch.randn(*last, steps, n, dtype=torch.double)]


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 9, 16, 17, 41])
@pytest.mark.parametrize("moves", ["matrix", "same", "each"])
@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_value_gradient_and_filter(
    steps: int, moves: str, batches: tuple[tuple[int, ...], ...]
) -> None:
    torch.manual_seed(0)
    leaves = [x.requires_grad_() for x in chain(steps, moves, batches)]
    inputs = leaves[0].log_softmax(-1), leaves[1].log_softmax(-1), leaves[2]
    value, message = log_evidence(*inputs), by_steps(*inputs)
    torch.testing.assert_close(value, message.logsumexp(-1))
    torch.testing.assert_close(log_filter(*inputs), message)
    weights = torch.randn(value.shape, dtype=torch.double)
    ours = torch.autograd.grad((value * weights).sum(), leaves, retain_graph=True)
    exact = torch.autograd.grad((message.logsumexp(-1) * weights).sum(), leaves)
    torch.testing.assert_close(ours, exact)


def test_derivatives_of_first_and_second_order() -> None:
    torch.manual_seed(1)
    leaves = tuple(x.requires_grad_() for x in chain(11, "matrix", ((), (), (2,))))

    def function(i: Tensor, t: Tensor, o: Tensor) -> Tensor:
        return log_evidence(i.log_softmax(-1), t.log_softmax(-1), o)

    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


def forced() -> list[Tensor]:
    """A chain that can only go right, in data that speak for one state and then for another."""
    never = -torch.inf
    moves = torch.tensor([[0.0, -1.0, never], [never, 0.0, -1.0], [never, never, 0.0]])
    initial = torch.tensor([never, 0.0, never])
    observed = torch.zeros(40, 3)
    observed[:, 1] = -900.0
    observed[30:, 2] = -1900.0
    return [initial.double(), moves.log_softmax(-1).double(), observed.double()]


def test_what_underflows_in_linear_space_is_summed_in_logarithms() -> None:
    inputs = [x.requires_grad_() for x in forced()]
    with torch.no_grad():
        assert discrete_chain._sum_in_linear_space(*inputs, torch.double, True) == (None, None)
    value, exact = log_evidence(*inputs), by_steps(*inputs).logsumexp(-1)
    torch.testing.assert_close(value, exact)
    assert value < -9000
    ours = torch.autograd.grad(value, inputs)
    torch.testing.assert_close(ours[2].sum(-1), torch.ones(40, dtype=torch.double))
    assert ours[0].tolist() == [0.0, 1.0, 0.0]
    assert ours[1].sum().item() == pytest.approx(40)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("misfit", [0.3, 1.0, 3.0, 4.0, 6.0, 10.0, 20.0, 100.0])
def test_states_that_do_not_fit(misfit: float, dtype: torch.dtype) -> None:
    """However improbable the only possible path is: from 40 to 4000 and more nats."""
    torch.manual_seed(6)
    rare = math.log(1e-6)
    moves = torch.tensor(
        [[0.0, rare, -torch.inf], [-torch.inf, 0.0, rare], [-torch.inf] * 2 + [0.0]]
    )
    observed = torch.randn(40, 3)
    observed[:, 0] -= misfit
    observed[20:, 1] -= 1.5 * misfit
    initial = torch.tensor([0.0, -torch.inf, -torch.inf])
    exact = [x.double().requires_grad_() for x in (initial, moves.log_softmax(-1), observed)]
    inputs = [x.detach().to(dtype).requires_grad_() for x in exact]
    value, by_step = log_evidence(*inputs), by_steps(*exact).logsumexp(-1)
    torch.testing.assert_close(value.double(), by_step, rtol=1e-6, atol=1e-5)
    ours = torch.autograd.grad(value, inputs[1:])
    posterior = torch.autograd.grad(log_filter(*exact).logsumexp(-1), exact[1:])
    for mine, theirs in zip(ours, posterior, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-4, atol=1e-5)


def test_a_likely_path_that_underflows_is_not_replaced_by_another() -> None:
    """In single precision e^-110 is 0 and e^-80 is not, but the former path ends better."""
    never = -torch.inf
    moves = torch.tensor([[0.0, 0.0, never], [never, 0.0, never], [never, never, 0.0]])
    observed = torch.zeros(16, 3)
    observed[:8, 0], observed[:8, 1], observed[8:, 1] = -110 / 8, -80 / 8, -60 / 8
    inputs = (torch.tensor([0.0, never, never]), moves.log_softmax(-1), observed)
    exact = by_steps(*(x.double() for x in inputs)).logsumexp(-1)
    assert exact > -130
    torch.testing.assert_close(log_evidence(*inputs).double(), exact, rtol=1e-6, atol=0)


def test_both_sums_agree_where_both_apply() -> None:
    torch.manual_seed(2)
    inputs = [x.requires_grad_() for x in chain(100, "each", ((), (2,), ()))]
    inputs = [inputs[0].log_softmax(-1), inputs[1].log_softmax(-1), inputs[2] * 10]
    value = log_evidence(*inputs)
    exact = discrete_chain._sum_in_log_space(*inputs)
    torch.testing.assert_close(value, exact, rtol=1e-13, atol=0)
    ours = torch.autograd.grad(value.sum(), inputs)
    torch.testing.assert_close(ours, torch.autograd.grad(exact.sum(), inputs))


@pytest.mark.parametrize("steps", [3, 20])
def test_the_impossible_has_no_gradient(steps: int) -> None:
    inputs = chain(steps, "matrix", ((), (), (2,)))
    inputs[2][0, steps // 2] = -torch.inf
    inputs = [x.log_softmax(-1) if k < 2 else x for k, x in enumerate(inputs)]
    inputs = [x.requires_grad_() for x in inputs]
    value = log_evidence(*inputs)
    assert value[0] == -torch.inf
    assert torch.isfinite(value[1])
    for gradient in torch.autograd.grad(value[0], inputs, retain_graph=True):
        assert (gradient == 0).all()
    for gradient in torch.autograd.grad(value[1], inputs):
        assert torch.isfinite(gradient).all()


def test_log_matmul_exp_is_exact() -> None:
    torch.manual_seed(3)
    x, y = 400 * torch.randn(2, 5, 4, 4, dtype=torch.double)
    x[torch.rand(5, 4, 4) < 0.3] = -torch.inf
    y[torch.rand(5, 4, 4) < 0.3] = -torch.inf
    terms = x.unsqueeze(-1) + y.unsqueeze(-3)
    torch.testing.assert_close(log_matmul_exp(x, y), terms.logsumexp(-2), rtol=1e-13, atol=0)


def test_log_matmul_exp_has_derivatives_at_zeros() -> None:
    x = torch.tensor([[0.0, -torch.inf], [-torch.inf, -torch.inf]], dtype=torch.double)
    y = torch.tensor([[-torch.inf, 1.0], [2.0, -800.0]], dtype=torch.double)
    x, y = x.requires_grad_(), y.requires_grad_()
    product = log_matmul_exp(x, y)
    assert product.tolist() == [[-torch.inf, 1.0], [-torch.inf, -torch.inf]]
    first = torch.autograd.grad(product[0, 1], (x, y), create_graph=True)
    assert first[0].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert first[1].tolist() == [[0.0, 1.0], [0.0, 0.0]]
    second = torch.autograd.grad(first[0].sum() + first[1].sum(), (x, y))
    assert all((g == 0).all() for g in second)


def test_log_matmul_exp_derivatives_of_first_and_second_order() -> None:
    torch.manual_seed(4)
    x, y = (300 * torch.randn(2, 3, 3, dtype=torch.double) for _ in range(2))
    inputs = (x.requires_grad_(), y.requires_grad_())
    assert torch.autograd.gradcheck(log_matmul_exp, inputs)
    assert torch.autograd.gradgradcheck(log_matmul_exp, inputs)


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_sequential_log_matmul_exp(steps: int) -> None:
    torch.manual_seed(5)
    logits = torch.randn(3, steps, 2, 2, dtype=torch.double)
    product = torch.eye(2, dtype=torch.double)
    for t in range(steps):
        product = product @ logits[:, t].exp()
    torch.testing.assert_close(sequential_log_matmul_exp(logits).exp(), product)
