"""Compares compiled functions with the functions themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pyro.compile import Report, compile

TOLERANCE = 1e-10


def with_gradients(fn: Callable[..., Any]) -> Callable[..., list[Tensor]]:
    """The results of ``fn``, and the gradient of their sum, unevenly weighted, in each input."""

    def run(*inputs: Tensor) -> list[Tensor]:
        leaves = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
        found = fn(*leaves)
        results = list(found) if isinstance(found, (tuple, list)) else [found]
        smooth = [y for y in results if y.requires_grad]
        wanted = [x for x in leaves if x.requires_grad]
        if not smooth:
            return results
        total = sum((y * _weights(y)).sum() for y in smooth)
        grads = torch.autograd.grad(total, wanted, allow_unused=True)  # type: ignore[arg-type]
        pairs = zip(grads, wanted, strict=True)
        slopes = [torch.zeros_like(x) if g is None else g for g, x in pairs]
        return [y.detach() for y in results] + slopes

    return run


def _weights(y: Tensor) -> Tensor:
    return 1 + torch.linspace(0.0, 0.5, y.numel(), dtype=y.dtype).reshape(y.shape)


def check(
    fn: Callable[..., Sequence[Tensor]],
    inputs: Sequence[Tensor],
    rtol: float = TOLERANCE,
    called_out: tuple[str, ...] = (),
) -> Report:
    """Compile, compare, and see that torch executes nothing but ``called_out``."""
    compiled = compile(fn, verify=False)
    found = compiled(*inputs)
    if compiled.reason is not None:
        pytest.fail(compiled.reason)
    for a, b in zip(found, fn(*inputs), strict=True):
        assert a.dtype is b.dtype
        torch.testing.assert_close(a, b.detach(), rtol=rtol, atol=rtol, equal_nan=True)
    report = compiled.report()
    assert sorted(set(report.called_out)) == sorted(called_out)
    return report
