"""Ascent to a mode of a log density, and the way there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyro.infer.model.logdensity import LogDensity

_ARMIJO, _CURVATURE = 1e-4, 0.9
_LEAST_CURVATURE = 1e-12
_SEARCH_STEPS = 40


@dataclass(frozen=True)
class Trajectory:
    """The points of an ascent with their log densities and gradients: ``(n, dim)``, ``(n,)``."""

    points: Tensor
    values: Tensor
    gradients: Tensor


def ascend(
    density: LogDensity,
    start: Tensor,
    *,
    history: int = 6,
    max_iterations: int = 1000,
    tolerance: float = 1e-8,
) -> Trajectory:
    """Maximise a log density by limited-memory BFGS with a line search.

    See Nocedal and Wright (2006), *Numerical Optimization*, algorithms 7.4 and 3.5.

    :param start: A point of shape ``(dim,)``, in double precision, with a finite density.
    :param history: How many steps the approximate Hessian remembers.
    :param max_iterations: Of ascent.
    :param tolerance: The relative gain in a step at which the ascent ends.
    """
    value, gradient = _evaluate(density, start)
    points, values, gradients = [start], [value], [gradient]
    pairs: list[tuple[Tensor, Tensor]] = []
    for _ in range(max_iterations):
        direction = _direction(gradients[-1], pairs)
        found = _search(density, points[-1], values[-1], gradients[-1], direction, not pairs)
        if found is None:
            if not pairs:
                break
            pairs = []  # the model of the Hessian is bad here: begin anew
            continue
        point, value, gradient = found
        step, change = point - points[-1], gradients[-1] - gradient
        if step @ change > _LEAST_CURVATURE * (change @ change):
            pairs = [*pairs, (step, change)][-history:]
        gain = value - values[-1]
        points.append(point)
        values.append(value)
        gradients.append(gradient)
        if gain <= tolerance * max(abs(value), abs(values[-2]), 1.0):
            break
    return Trajectory(torch.stack(points), start.new_tensor(values), torch.stack(gradients))


def _evaluate(density: LogDensity, x: Tensor) -> tuple[float, Tensor]:
    value, gradient = density.value_and_grad(x)
    number = float(value)
    return (number if number == number else -float("inf")), gradient.double()


def _direction(gradient: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The approximate inverse Hessian times the gradient, by the two-loop recursion."""
    q = gradient.clone()
    saved = []
    for s, y in reversed(pairs):
        a = (s @ q) / (s @ y)
        q -= a * y
        saved.append(a)
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), a in zip(pairs, reversed(saved), strict=True):
        q += s * (a - (y @ q) / (s @ y))
    return q


def _search(
    density: LogDensity,
    x: Tensor,
    value: float,
    gradient: Tensor,
    direction: Tensor,
    first: bool,
) -> tuple[Tensor, float, Tensor] | None:
    """A point along a direction that is higher and flatter (Wolfe's conditions), by bisection."""
    slope = float(gradient @ direction)
    if not slope > 0:
        return None
    low, high = 0.0, float("inf")
    length = min(1.0, 1.0 / float(gradient.norm())) if first else 1.0
    best: tuple[Tensor, float, Tensor] | None = None
    for _ in range(_SEARCH_STEPS):
        point = x + length * direction
        there, gradient_there = _evaluate(density, point)
        rises = there >= value + _ARMIJO * length * slope
        if not (rises and bool(gradient_there.isfinite().all())):
            high = length
        else:
            best = point, there, gradient_there
            if float(gradient_there @ direction) <= _CURVATURE * slope:
                return best
            low = length
        length = (low + high) / 2 if high < float("inf") else 2 * length
    return best
