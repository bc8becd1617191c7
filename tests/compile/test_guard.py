"""Branches of library code are guarded; the program itself runs where another one is right."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.compile import NotCapturable, compile, compile_value_and_grad


def law(concentration: Tensor) -> dist.VonMises:
    return dist.VonMises(torch.tensor(0.0), concentration, validate_args=False)


def von_mises(x: Tensor) -> Tensor:
    """The concentration is ``exp(x[0])``; above 200 the Bessel function has another branch."""
    return dist.VonMises(x[1], x[0].exp(), validate_args=False).log_prob(0.3)


def eager(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().clone().requires_grad_()
    value = von_mises(x)
    return value.detach(), torch.autograd.grad(value, x)[0]


def point(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def test_both_branches_are_right() -> None:
    density = compile_value_and_grad(von_mises, point(0.0, 0.1))
    assert density.calls_python
    assert density.report().guards == 1
    before = density.report().fallbacks
    for x in (point(0.5, 0.2), point(6.0, 0.2), point(1.0, 0.3)):
        for found, expected in zip(density.value_and_grad(x), eager(x), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert density.report().fallbacks == before + 1
    assert "calls of the program itself" in str(density.report())


def test_a_batch_of_points_takes_each_its_own_branch() -> None:
    density = compile_value_and_grad(von_mises, point(0.0, 0.1))
    x = torch.stack([point(0.5, 0.2), point(7.0, 0.2), point(1.0, 0.3)])
    values, gradients = density.value_and_grad(x)
    for row, value, gradient in zip(x, values, gradients, strict=True):
        torch.testing.assert_close((value, gradient), eager(row), rtol=1e-12, atol=1e-12)


def test_functions_fall_back_in_their_own_types() -> None:
    f = compile(lambda k, n: (law(k).log_prob(0.3), n + 1, k > 2))
    f(torch.tensor(1.0), torch.tensor(3))
    log_prob, n, large = f(torch.tensor(1e4), torch.tensor(5))
    torch.testing.assert_close(log_prob, law(torch.tensor(1e4)).log_prob(0.3))
    assert (n.item(), n.dtype, large.item(), large.dtype) == (6, torch.int64, True, torch.bool)
    assert f.report().fallbacks == 1


def test_an_error_in_the_other_branch_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    density = compile_value_and_grad(von_mises, point(0.0, 0.1))

    def fails(self: dist.VonMises, value: Tensor) -> Tensor:
        raise ZeroDivisionError("in the other branch")

    monkeypatch.setattr(dist.VonMises, "log_prob", fails)
    with pytest.raises(ZeroDivisionError, match="in the other branch"):
        density.value(point(7.0, 0.2))
    density.value(point(0.5, 0.2))


def test_threads_fall_back_independently() -> None:
    density = compile_value_and_grad(von_mises, point(0.0, 0.1))
    expected = eager(point(6.5, 0.2))
    wrong = []

    def work() -> None:
        for _ in range(20):
            found = density.value_and_grad(point(6.5, 0.2))
            if not torch.allclose(found[1], expected[1], rtol=1e-10):
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_code_that_would_never_be_right_is_refused() -> None:
    with pytest.raises(NotCapturable, match=r"takes another way .*test_guard.py:\d+"):
        compile_value_and_grad(
            lambda x: law(200 + x[0].square()).log_prob(0.1),
            point(0.0),
        )


def test_what_is_known_when_it_is_captured_needs_no_guard() -> None:
    def fn(x: Tensor) -> Tensor:
        factor, info = torch.linalg.cholesky_ex(x * torch.eye(2, dtype=x.dtype))
        return factor.sum() if not info.any() else x.sum()

    f = compile(fn)
    f(point(2.0))
    assert f.reason is None
    assert f.report().guards == 0
