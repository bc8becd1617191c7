"""Wrong code is found, whether its program is quick or is not to be run again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pyro.compile import NotCapturable, compile_value_and_grad, program, verify

X = torch.linspace(0.3, 1.2, 5, dtype=torch.float64)


@pytest.fixture(params=["quick", "long"])
def _length(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All programs count as quick, or as long ones."""
    long = request.param == "long"
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0 if long else torch.inf)
    monkeypatch.setattr(verify, "PATIENCE", torch.inf)


class Detour(torch.autograd.Function):
    """exp, whose gradient is computed by another library."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grads[0] * torch.from_numpy(np.exp(x.detach().numpy()))


def detour_of_a_value(x: Tensor) -> Tensor:
    return x.sum() * torch.from_numpy(np.sin(x.detach().numpy())).sum()


def detour_of_a_gradient(x: Tensor) -> Tensor:
    result: Tensor = Detour.apply(x).sum()
    return result


def counted() -> Callable[[Tensor], Tensor]:
    calls: list[None] = []

    def fn(x: Tensor) -> Tensor:
        calls.append(None)
        return x.sum() * len(calls)

    return fn


def drawn(x: Tensor) -> Tensor:
    return x.sum() * np.random.default_rng().random()


FAULTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "value by numpy": (detour_of_a_value, "value"),
    "gradient by numpy": (detour_of_a_gradient, "gradient"),
    "counter": (counted(), "value"),
    "draws of numpy": (drawn, "value"),
}


@pytest.mark.usefixtures("_length")
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_program(name: str) -> None:
    fn, what = FAULTS[name]
    with pytest.raises(NotCapturable, match=f"compiled and eager {what} differ"):
        compile_value_and_grad(fn, X)


@pytest.mark.usefixtures("_length")
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_a_fault_of_the_compiler(
    what: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The code writes zero, as the value or as the first part of the gradient."""
    factor = 3.0 + len(request.node.name)  # equal programs would share their code
    store = rf"store (<\d+ x double>|double) %\w+, ptr %{what},"
    assembled = program.assemble

    def assemble(text: str, *args: Any) -> Any:
        text, count = re.subn(store, rf"store \1 zeroinitializer, ptr %{what},", text)
        assert count == 1
        return assembled(text, *args)

    monkeypatch.setattr(program, "assemble", assemble)
    with pytest.raises(NotCapturable, match=f"compiled and eager {what} differ"):
        compile_value_and_grad(lambda x: -factor * x.pow(4.0).sum(), X)


@pytest.mark.usefixtures("_length")
def test_a_gradient_that_is_no_derivative_is_right_if_torch_has_it() -> None:
    def straight_through(x: Tensor) -> Tensor:
        return ((x.round() - x).detach() + x).square().sum()

    density = compile_value_and_grad(straight_through, X)
    x = X.clone().requires_grad_()
    (expected,) = torch.autograd.grad(straight_through(x), x)
    torch.testing.assert_close(density.value_and_grad(X)[1], expected)


def runs_of(
    seconds: float, known: verify.Known | None, monkeypatch: pytest.MonkeyPatch
) -> list[bool]:
    """For each run of a program while it is compiled, whether gradients were asked for."""
    monkeypatch.setattr("pyro.compile.density.LONG", seconds)
    monkeypatch.setattr(verify, "PATIENCE", torch.inf)
    runs: list[bool] = []

    def fn(x: Tensor) -> Tensor:
        runs.append(torch.is_grad_enabled())
        return torch.logsumexp(3.0 * x, 0)

    compile_value_and_grad(fn, X, known=known)
    return runs


def test_a_long_program_is_not_run_again_with_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_of(torch.inf, None, monkeypatch) == [True, True, True]
    assert runs_of(0.0, None, monkeypatch) == [True, False]


KNOWN: dict[str, tuple[Callable[[], tuple[Tensor, Tensor]], list[bool]]] = {
    "right": (lambda: (X + 1, torch.logsumexp(3.0 * (X + 1), 0)), [True]),
    "wrong": (lambda: (X + 1, torch.tensor(0.0)), [True, True, True]),
    "where it was recorded": (lambda: (X, torch.logsumexp(3.0 * X, 0)), [True, True, True]),
    "not finite": (lambda: (X + 1, torch.tensor(torch.inf)), [True, True, True]),
    "an error": (lambda: (X + 1, torch.ones(2) @ torch.ones(3)), [True, True, True]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_saves_the_run_if_it_is_confirmed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, expected = KNOWN[name]
    assert runs_of(0.0, known, monkeypatch) == expected
