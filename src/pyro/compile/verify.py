"""Compares machine code with its program, at points that capture did not see.

Programs that are quick are run with autograd at two points. One that took long to record is not run
again if there is another way to know: its value at a point is compared, with a run that has been
made already or one without gradients, and the gradient with
differences of values of the code, :mod:`pyro.compile.slopes`. What is not confirmed so is compared
in the first way, which has the last word: a gradient that is meant to be no derivative, that of a
straight-through estimator, is right there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from pyro.compile import cache
from pyro.compile.not_capturable import NotCapturable
from pyro.compile.program import Program
from pyro.compile.slopes import EVALUATIONS, slopes_agree
from pyro.logger import log

TOLERANCE = {torch.float64: 1e-7, torch.float32: 1e-2}
POINTS = 2
SLOW = 0.3  # seconds of a program at one point, above which another is not worth the wait
LONG = 0.1  # seconds of the recording, above which the program is not run again with gradients
PATIENCE = 0.25  # of that time may be spent on differences
TRIES = 3  # of how long an evaluation takes
M = TypeVar("M")
Known = Callable[[], tuple[Tensor, Tensor]]


class Density(Protocol):
    """What is compared."""

    def value(self, x: Tensor) -> Tensor:
        """Values."""

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
        point = x + scale * _noise(x, generator)
        found = density.value_and_grad(point)
        for name, a, b in zip(("value", "gradient"), found, _eager(fn, point), strict=True):
            reason = difference(a.reshape(-1), b.reshape(-1), held)
            if reason is not None:
                raise NotCapturable(
                    f"compiled and eager {name} differ: {reason}; does the function draw numbers "
                    "outside of torch, or change state?",
                    "verification",
                )
            if not bool(b.isfinite().all()):
                break  # outside of the support, where nobody asks for the gradient
    return POINTS


def is_consistent(
    fn: Callable[[Tensor], Tensor],
    density: Density,
    x: Tensor,
    known: Known | None,
    seconds: float,
) -> bool:
    """Whether the code has the value of ``fn`` at a point, and a gradient that fits its values.

    False says only that it is not known in this way.

    :param x: the point of the recording, at which nothing is compared.
    :param known: a point and the value of ``fn`` there; None runs ``fn`` without gradients.
    :param seconds: how long the recording took; a small part of it may be spent.
    """
    try:
        point, expected = _run(fn, x) if known is None else known()
    except Exception as error:  # the program may need gradients of its own
        log.debug("no value to compare with: %r", error)
        return False
    if bool((point == x).any()) or not bool(expected.isfinite().all()):
        return False
    point = point.to(torch.float64)
    value, gradient = density.value_and_grad(point)
    if difference(value.reshape(-1), expected.reshape(-1)) is not None:
        return False
    if not _is_quick(density, point, PATIENCE * seconds / EVALUATIONS):
        return False
    return slopes_agree(density.value, point, gradient, TOLERANCE[torch.float64])


def _is_quick(density: Density, point: Tensor, seconds: float) -> bool:
    """Whether an evaluation takes no longer; the best of a few, since others may be at work."""
    for _ in range(TRIES):
        begin = time.perf_counter()
        density.value(point)
        if time.perf_counter() - begin <= seconds:
            return True
    return False


def _run(fn: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    point = x + 0.1 * _noise(x, torch.Generator().manual_seed(20))
    with torch.no_grad():
        return point, fn(point.clone())


def _noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, of the shape and type of ``x``."""
    return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.dtype)


def _eager(fn: Callable[[Tensor], Tensor], point: Tensor) -> tuple[Tensor, Tensor]:
    """The value and the gradient of ``fn`` by torch."""
    with torch.enable_grad():
        variable = point.clone().requires_grad_()
        value = fn(variable)
        gradient: Tensor | None = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value.sum(), variable, allow_unused=True)
    return value.detach(), torch.zeros_like(point) if gradient is None else gradient


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
