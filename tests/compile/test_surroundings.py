"""Tensors that a program reads without being given them: constants, until they are written into."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pyro.compile import CompiledCodeError, compile, compile_value_and_grad
from pyro.compile.function import MOST_REMADE

X = torch.zeros(2, dtype=torch.float64)
WRITES: dict[str, Callable[[Tensor], object]] = {
    "add": lambda t: t.add_(1),
    "one element": lambda t: t.__setitem__(3, 0.0),
    "through a view": lambda t: t.view(2, 2)[1].mul_(2),
    "by an operation with a place for its result": lambda t: torch.exp(t * 1, out=t),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64], ids=str)
def test_a_density_is_not_computed_with_other_data(
    write: Callable[[Tensor], object], dtype: torch.dtype
) -> None:
    data = torch.arange(4).to(dtype)
    density = compile_value_and_grad(lambda x: (x[0] * data.double().cos()).sum() - x @ x, X)
    density.value_and_grad(X)
    density.check_data()
    try:
        write(data)
    except RuntimeError:
        pytest.skip("torch has no such write for integers")
    for use in (density.check_data, lambda: density.value(X)):
        with pytest.raises(CompiledCodeError, match=r"shape \(4,\) .* compile the density again"):
            use()


def test_reading_is_no_write() -> None:
    data = torch.arange(4.0)
    density = compile_value_and_grad(lambda x: (x[0] * data).sum() - x @ x, X)
    data.sum(), data.double(), data.clone().add_(1), data[1:].exp()
    density.value(X)


def test_functions_follow_their_surroundings() -> None:
    weight = torch.ones(3)
    f = compile(lambda x: x * weight.exp())
    for k in range(3):
        weight.fill_(float(k))
        for _ in range(2):
            torch.testing.assert_close(f(torch.ones(3)), weight.exp())
        assert f.reason is None
    assert f._remade == 2
    weight[1] = 5.0
    assert f(torch.ones(2, 3)).shape == (2, 3)  # other shapes see the new data as well
    torch.testing.assert_close(f(torch.ones(3)), weight.exp())


def test_a_network_that_is_trained() -> None:
    torch.manual_seed(0)
    network = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    f = compile(lambda x: network(x))
    x = torch.randn(5, 2)
    for _ in range(3):
        torch.testing.assert_close(f(x), network(x).detach())
        network(x).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_what_changes_time_and_again_is_not_compiled() -> None:
    weight = torch.ones(3)
    f = compile(lambda x: x * weight.exp())
    for k in range(MOST_REMADE + 3):
        torch.testing.assert_close(f(torch.ones(3)), weight.exp())
        weight.fill_(float(k))
    assert f.reason == "tensors that it reads change; give them as arguments"


def test_a_function_that_writes_into_its_surroundings_runs_as_ever() -> None:
    seen = torch.zeros(())

    def counts(x: Tensor) -> Tensor:
        seen.add_(1)
        return x * 2

    f = compile(counts)
    before = seen.clone()
    for _ in range(3):
        f(torch.ones(2))
    assert f.reason is not None
    assert "changes a tensor that it has not made" in f.reason
    assert "test_surroundings.py" in f.reason
    assert seen >= before + 3


def test_a_network_with_running_statistics() -> None:
    norm = nn.BatchNorm1d(2)
    f = compile(lambda x: norm(x))
    f(torch.randn(8, 2))
    assert f.reason is not None
    before = norm.running_mean.clone()
    f(torch.randn(8, 2))
    assert not torch.equal(norm.running_mean, before)
    norm.eval()
    g = compile(lambda x: norm(x))
    x = torch.randn(8, 2)
    torch.testing.assert_close(g(x), norm(x).detach())
    assert g.reason is None
