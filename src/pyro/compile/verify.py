"""Compares machine code with its program, at points that capture did not see."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from pyro.compile import cache
from pyro.compile.not_capturable import NotCapturable
from pyro.compile.program import Program
from pyro.logger import log

TOLERANCE = {torch.float64: 1e-7, torch.float32: 1e-2}
POINTS = 2
SLOW = 0.3  # seconds of a program at one point, above which another is not worth the wait
M = TypeVar("M")


class Density(Protocol):
    """What is compared."""

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Value and gradient."""


def verified(
    make: Callable[[], M], check: Callable[[M], object], program_of: Callable[[M], Program]
) -> M:
    """What ``make`` makes, checked; code from a file that is wrong is made anew.

    :raises NotCapturable: if the check says so of code that was made now.
    """
    made = make()
    try:
        check(made)
    except NotCapturable:
        program = program_of(made)
        if program.origin != "file":
            raise
        cache.forget(program.key)
        log.warning("Machine code from a file was wrong; it is made anew.")
        made = make()
        check(made)
    return made


def check_density(
    fn: Callable[[Tensor], Tensor],
    density: Density,
    x: Tensor,
    held: torch.dtype = torch.float64,
) -> int:
    """Compare values and gradients near ``x``; returns at how many points.

    :param held: the type of arrays in memory.
    :raises NotCapturable: if they differ.
    """
    generator = torch.Generator().manual_seed(20)
    begin = time.perf_counter()
    for compared, scale in enumerate((0.1, 1.0)[:POINTS]):
        if time.perf_counter() - begin > SLOW:
            return compared
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.dtype)
        point = x + scale * noise
        found = density.value_and_grad(point)
        with torch.enable_grad():
            variable = point.clone().requires_grad_()
            value = fn(variable)
            grads = (
                torch.autograd.grad(value.sum(), variable, allow_unused=True)
                if value.requires_grad
                else (None,)
            )
        gradient = torch.zeros_like(point) if grads[0] is None else grads[0]
        for name, a, b in zip(
            ("value", "gradient"), found, (value.detach(), gradient), strict=True
        ):
            reason = difference(a.reshape(-1), b.reshape(-1), held)
            if reason is not None:
                raise NotCapturable(
                    f"compiled and eager {name} differ: {reason}; does the function draw numbers "
                    "outside of torch, or change state?",
                    "verification",
                )
    return POINTS


def difference(found: Tensor, expected: Tensor, held: torch.dtype = torch.float64) -> str | None:
    """How two tensors differ beyond rounding, in their type or ``held``; None if they do not.

    Where the expected tensor is not finite, any number that is not finite will do: a point outside
    the support.
    """
    finite = expected.isfinite()
    if not bool((finite == found.isfinite()).all()):
        position = int((finite != found.isfinite()).nonzero()[0, 0])
        return f"{found[position].item()} against {expected[position].item()}"
    found, expected = found[finite].to(torch.float64), expected[finite]
    tolerance = TOLERANCE.get(expected.dtype, 0.0)
    if tolerance:
        tolerance = max(tolerance, TOLERANCE[held])
    expected = expected.to(torch.float64)
    scale = expected.abs().max().clamp(min=1.0) if expected.numel() else torch.ones(())
    gap = (found - expected).abs()
    if gap.numel() and bool(gap.max() > tolerance * scale):
        position = int(gap.argmax())
        return f"{found[position].item()!r} against {expected[position].item()!r}"
    return None
