"""Random programs: machine code is what torch computes, in value and gradient."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from pyro.compile import compile_value_and_grad

SHAPES = ((), (3,), (1, 3), (4, 1), (4, 3), (2, 4, 3))
UNARY = {
    "exp": lambda x: x.clamp(max=3).exp(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "square": torch.square,
    "neg": torch.neg,
    "sum_last": lambda x: x.sum(-1) if x.dim() else x,
    "sum_first": lambda x: x.sum(0) if x.dim() else x,
    "keepdim": lambda x: x / (1 + x.square().sum(-1, keepdim=True)) if x.dim() else x,
    "logsumexp": lambda x: x.logsumexp(-1) if x.dim() else x,
    "softmax": lambda x: x.softmax(-1) if x.dim() else x,
    "cumsum": lambda x: x.cumsum(-1) if x.dim() else x,
    "transpose": lambda x: x.mT if x.dim() > 1 else x,
    "flatten": lambda x: x.reshape(-1),
    "tail": lambda x: x[1:] if x.dim() and x.shape[0] > 1 else x,
    "first": lambda x: x[0] if x.dim() else x,
    "flip": lambda x: x.flip(0) if x.dim() else x,
    "gram": lambda x: x @ x.mT if x.dim() > 1 else x,
    "pad": lambda x: torch.nn.functional.pad(x, (1, 2)) if x.dim() else x,
    "gather": lambda x: x[torch.tensor([0, 0])] if x.dim() else x,
    "grow": lambda x: x.expand(2, *x.shape),
}
BINARY = {
    "add": torch.add,
    "mul": torch.mul,
    "sub": torch.sub,
    "max": torch.maximum,
    "where": lambda x, y: torch.where(x > 0.1, x, y),
    "cat": lambda x, y: torch.cat([x.reshape(-1), y.reshape(-1)]),
}


def broadcastable(x: Tensor, y: Tensor) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(x.shape[::-1], y.shape[::-1], strict=False))


def run(program: list[tuple[str, int, int]], x: Tensor) -> Tensor:
    """Values one after the other; each step takes earlier ones by position."""
    pieces, start = [], 0
    for shape in SHAPES:
        n = torch.Size(shape).numel()
        pieces.append(x[start : start + n].reshape(shape))
        start += n
    for name, i, j in program:
        a, b = pieces[i % len(pieces)], pieces[j % len(pieces)]
        if name in UNARY:
            found = UNARY[name](a)
        elif name == "cat" or broadcastable(a, b):
            found = BINARY[name](a, b)
        else:
            continue
        if found.numel() <= 600:
            pieces.append(found / (1 + found.detach().abs().max() * 0))
    return sum(p.tanh().sum() for p in pieces[-4:])  # type: ignore[return-value]


STEPS = st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 99), st.integers(0, 99))


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=2, max_size=14))
def test_compiled_is_eager(program: list[tuple[str, int, int]]) -> None:
    dim = sum(torch.Size(s).numel() for s in SHAPES)
    density = compile_value_and_grad(
        lambda x: run(program, x), torch.zeros(dim, dtype=torch.float64), verify=False
    )
    x = (5 * torch.arange(dim, dtype=torch.float64)).sin()
    value, gradient = density.value_and_grad(x)
    variable = x.clone().requires_grad_()
    expected = run(program, variable)
    (slope,) = torch.autograd.grad(expected, variable, allow_unused=True)
    torch.testing.assert_close(value, expected.detach(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        gradient, torch.zeros_like(x) if slope is None else slope, rtol=1e-9, atol=1e-9
    )
