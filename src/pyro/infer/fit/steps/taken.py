"""A step that torch has taken, and what it says of the steps that are to follow without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from torch import Tensor

from pyro.infer.fit.steps.protocol import Loss

T = TypeVar("T")


class Comparison(NamedTuple):
    """A step made both ways.

    :param wrong: How they differ beyond rounding, if they do.
    """

    wrong: str | None


class Recorded(NamedTuple, Generic[T]):
    """What was recorded of a step, or why that is nothing.

    :param tape: Makes further steps.
    :param reason: Why steps are better made in torch; then ``tape`` does not count.
    :param checks: How many comparisons it has to pass before it is trusted.
    :param is_long: Whether a step in torch takes so long that few are compared later.
    """

    tape: T | None
    reason: str | None = None
    checks: int = 1
    is_long: bool = False


class Taken(NamedTuple, Generic[T]):
    """A step that torch has taken.

    :param loss: The loss before it, or several.
    :param leaves: The unconstrained leaves of its parameters, by name.
    :param recorded: What was recorded of it, if that was wanted.
    :param comparison: With the same step by a tape; None: that could not make it, or was not asked.
    """

    loss: Loss
    leaves: Mapping[str, Tensor]
    recorded: Recorded[T] | None = None
    comparison: Comparison | None = None
