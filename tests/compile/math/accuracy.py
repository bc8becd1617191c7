"""Distances of computed values from exact ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from mpmath import mp
from torch import Tensor

Exact = Callable[..., Any]
SUBNORMAL = 2.0**-1074


def grid(low: float, high: float, count: int) -> Tensor:
    """Numbers of an interval, evenly spread but not round."""
    steps = (torch.arange(count, dtype=torch.float64) + 0.61803398875) / count
    return low + (high - low) * steps


def ulps(got: Tensor, exact: Exact, *arguments: Tensor, absolute: float = 0.0) -> float:
    """The largest distance in units in the last place of the exact value.

    :param absolute: errors below it do not count.
    """
    worst = 0.0
    columns = zip(got.tolist(), *(x.tolist() for x in arguments), strict=True)
    with mp.workprec(160):
        for value, *point in columns:
            error = abs(mp.mpf(value) - exact(*map(mp.mpf, point)))
            if error > absolute:
                size = math.ulp(float(exact(*map(mp.mpf, point))))
                worst = max(worst, float(error / size))
    return worst


def same(got: Tensor, expected: Tensor, rtol: float = 1e-13) -> Tensor:
    """Where values agree: nan with nan, zeros with their sign, numbers within ``rtol``."""
    both_nan = got.isnan() & expected.isnan()
    zeros = (expected != 0) | (got != 0) | (got.signbit() == expected.signbit())
    close = (got == expected) | ((got - expected).abs() <= rtol * expected.abs() + SUBNORMAL)
    return both_nan | (close & zeros)
