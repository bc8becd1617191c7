"""Laws of the networks that flows are made of."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import nn

from pyro.nets import (
    AutoRegressiveNN,
    ConditionalAutoRegressiveNN,
    ConditionalDenseNN,
    DenseNN,
    MaskedLinear,
)
from pyro.nets.block_linear import MaskedBlockLinear

SIZES = [
    ([1], lambda n: [(n,)]),
    ([1, 1], lambda n: [(n,), (n,)]),
    ([3], lambda n: [(3, n)]),
    ([1, 2], lambda n: [(1, n), (2, n)]),
]


def outputs(out: Any) -> list[torch.Tensor]:
    return list(out) if isinstance(out, tuple) else [out]


def networks(n: int, sizes: list[int], hidden: list[int], skip: bool) -> list[Any]:
    """A plain network, and a conditional one with its context bound."""
    torch.manual_seed(n)
    plain = AutoRegressiveNN(n, hidden, sizes, skip_connections=skip, nonlinearity=nn.Tanh())
    more = ConditionalAutoRegressiveNN(n, 2, hidden, sizes, None, skip, nn.Tanh())
    context = torch.tensor([1.0, -0.5])
    return [(plain, plain), (more, lambda x: more(x, context))]


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("hidden", [[7], [4, 9], [4, 4, 4]], ids=str)
@pytest.mark.parametrize(("sizes", "shapes"), SIZES, ids=[str(sizes) for sizes, _ in SIZES])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_autoregressive(
    n: int, sizes: list[int], shapes: Any, hidden: list[int], skip: bool
) -> None:
    for net, call in networks(n, sizes, hidden, skip):
        x = torch.randn(5, n)
        assert [tuple(o.shape) for o in outputs(call(x))] == [(5, *s) for s in shapes(n)]
        order = net.get_permutation().tolist()
        rank = [order.index(i) for i in range(n)]
        jacobians = torch.autograd.functional.jacobian(
            lambda v, call=call: tuple(outputs(call(v))), torch.randn(n)
        )
        for jacobian in jacobians:
            seen = jacobian.reshape(-1, n, n).abs().amax(0)
            for i in range(n):
                for j in range(n):
                    # exactly the earlier inputs are seen, and none of them is missed
                    assert (seen[i, j] != 0) == (rank[j] < rank[i])


def test_every_output_sees_the_context() -> None:
    net = ConditionalAutoRegressiveNN(3, 2, [8, 8], [2], nonlinearity=nn.Tanh())
    x = torch.randn(3)
    jacobian = torch.autograd.functional.jacobian(lambda c: net(x, c), torch.randn(2))
    assert (jacobian != 0).all()
    assert net(x).shape == (2, 3)


def test_contexts_broadcast() -> None:
    x, context = torch.randn(5, 3), torch.randn(4, 1, 2)
    for net in (ConditionalDenseNN(3, 2, [8]), ConditionalAutoRegressiveNN(3, 2, [8])):
        whole = outputs(net(x, context))
        one = outputs(net(x[3], context[2, 0]))
        for a, b in zip(whole, one, strict=True):
            torch.testing.assert_close(a[2, 3], b)


def test_dense() -> None:
    x = torch.randn(5, 3)
    assert DenseNN(3, [8], [4])(x).shape == (5, 4)
    assert [o.shape[-1] for o in DenseNN(3, [8, 2], [1, 4])(x)] == [1, 4]
    net = DenseNN(3, [], [2], nonlinearity=nn.Tanh())
    torch.testing.assert_close(net(x), net.layers[0](x))
    net = DenseNN(3, [4], [2], nonlinearity=nn.Tanh())
    torch.testing.assert_close(net(x), net.layers[1](net.layers[0](x).tanh()))


def test_masked_linear() -> None:
    mask = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    layer = MaskedLinear(3, 2, mask)
    layer(torch.randn(4, 3)).sum().backward()
    assert (layer.weight.grad[mask == 0] == 0).all()
    assert (layer.weight.grad[mask == 1] != 0).all()
    with pytest.raises(ValueError, match="mask must have shape"):
        MaskedLinear(2, 3, mask)


@pytest.mark.parametrize("sizes", [(1, 4), (4, 2), (3, 1)], ids=str)
def test_block_linear(sizes: tuple[int, int]) -> None:
    a, b = sizes
    layer = MaskedBlockLinear(3, a, b).double()
    zero = torch.zeros(3, a, dtype=torch.float64)
    x = torch.randn(3 * a, dtype=torch.float64)
    out, log_slopes = layer(x, zero)
    jacobian = torch.autograd.functional.jacobian(lambda v: layer(v, zero)[0], x)
    blocks = jacobian.reshape(3, b, 3, a)
    for i in range(3):
        assert (blocks[i, :, i] > 0).all()
        assert (blocks[i, :, i + 1 :] == 0).all()
        torch.testing.assert_close(blocks[i, :, i].sum(-1).log(), log_slopes[i])
    assert out.shape == (3 * b,)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="hidden layer"):
        AutoRegressiveNN(3, [2])
    for wrong in (torch.tensor([0, 0, 1]), torch.tensor([1, 2, 3]), torch.arange(2)):
        with pytest.raises(ValueError, match="permutation"):
            AutoRegressiveNN(3, [4], permutation=wrong)


def test_state_and_pickle() -> None:
    net = AutoRegressiveNN(3, [5], skip_connections=True)
    x = torch.randn(2, 3)
    other = AutoRegressiveNN(3, [5], skip_connections=True)
    other.load_state_dict(net.state_dict())
    for twin in (other, pickle.loads(pickle.dumps(net))):
        for a, b in zip(twin(x), net(x), strict=True):
            torch.testing.assert_close(a, b)
