"""Values of the variables of a plan: a draw from their posterior, or the most probable ones.

Forwards, a plan sums variables out; backwards, each variable is chosen given those that were summed
out after it (forward filtering, backward sampling; with maxima in place of sums, Viterbi).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.ops.contract.execute import fill_slots, joint
from pyro.ops.contract.plan import Name, Plan
from pyro.ops.contract.semiring import LogSumExp, MaxSum


class Assignment(NamedTuple):
    """The values of one variable: indices into its support, one for each index of its dims."""

    value: Tensor
    names: tuple[Name, ...]


Assignments = dict[Name, Assignment]


def draw(plan: Plan, log_factors: Sequence[Tensor]) -> Assignments:
    """Draw all variables jointly from the distribution that is proportional to the product."""
    with torch.no_grad():
        return _assign(plan, fill_slots(plan, log_factors, LogSumExp()), _draw_last)


def maximize(plan: Plan, log_factors: Sequence[Tensor]) -> Assignments:
    """Values of all variables that maximise the product jointly."""
    with torch.no_grad():
        return _assign(plan, fill_slots(plan, log_factors, MaxSum()), _largest)


def _draw_last(logits: Tensor) -> Tensor:
    probs = logits.softmax(-1)
    flat = torch.multinomial(probs.reshape(-1, probs.shape[-1]), 1)
    return flat.reshape(probs.shape[:-1])


def _largest(logits: Tensor) -> Tensor:
    return logits.argmax(-1)


def _assign(plan: Plan, slots: list[Tensor], choose: Callable[[Tensor], Tensor]) -> Assignments:
    found: Assignments = {}
    for step in reversed(plan.steps):
        if step.is_product:
            continue
        logits = joint(step, slots, LogSumExp())
        instances = [logits] if len(step.names) == 1 else logits.unbind(0)
        for names, instance in zip(step.names, instances, strict=True):
            found[names[-1]] = _choose(plan, names, instance, found, choose)
    return found


def _choose(
    plan: Plan,
    names: tuple[Name, ...],
    logits: Tensor,
    found: Assignments,
    choose: Callable[[Tensor], Tensor],
) -> Assignment:
    """Choose the last name of ``logits``, given the values of the other variables among them."""
    *others, name = names
    batch: dict[Name, int] = {n: plan.sizes[n] for n in sorted(plan.plates[name], key=str)}
    for other in others:
        dims = found[other].names if other in found else (other,)
        batch.update((n, plan.sizes[n]) for n in dims)
    shape = tuple(batch.values())
    axes = {n: i for i, n in enumerate(batch)}
    index = []
    for other in others:
        if other in found:
            index.append(_laid_out(found[other], axes))
        else:
            rows = torch.arange(plan.sizes[other], device=logits.device)
            index.append(_laid_out(Assignment(rows, (other,)), axes))
    given = logits[tuple(index)] if index else logits
    given = given.expand(shape + given.shape[-1:])
    return Assignment(choose(given), tuple(batch))


def _laid_out(assignment: Assignment, axes: dict[Name, int]) -> Tensor:
    """The values with their dims at the given axes, to broadcast with others."""
    value, names = assignment
    order = sorted(range(len(names)), key=lambda i: axes[names[i]])
    shape = [1] * len(axes)
    for i in order:
        shape[axes[names[i]]] = value.shape[i]
    return value.permute(order).reshape(shape)
