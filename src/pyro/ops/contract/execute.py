"""Execution of a plan: from factors to what is left when all variables are summed out."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from pyro.ops.contract.plan import Operand, Plan, Step
from pyro.ops.contract.semiring import Semiring
from pyro.ops.stacking import stack_rows


def execute(plan: Plan, factors: Sequence[Tensor], ring: Semiring) -> list[Tensor]:
    """What is left when all variables of the plan are summed out, in the order of its results."""
    slots = fill_slots(plan, factors, ring)
    return [slots[i] for i in plan.results]


def fill_slots(plan: Plan, factors: Sequence[Tensor], ring: Semiring) -> list[Tensor]:
    """The factors, followed by all intermediate results."""
    slots: list[Tensor] = [*factors, *[factors[0]] * (len(plan.specs) - len(factors))]
    for step in plan.steps:
        result = contracted(step, slots, ring)
        if len(step.results) == 1:
            slots[step.results[0]] = result
        else:
            for slot, part in zip(step.results, result.unbind(0), strict=True):
                slots[slot] = part
    return slots


def contracted(step: Step, slots: Sequence[Tensor], ring: Semiring) -> Tensor:
    """The result of a step; the instances of a batched one lie along dim 0."""
    total = joint(step, slots, ring)
    if step.is_product:
        return ring.product(total, step.reduced, step.power)
    return ring.sum(total)


def joint(step: Step, slots: Sequence[Tensor], ring: Semiring) -> Tensor:
    """The product of the operands of a step, before anything is reduced."""
    first, *others = step.operands
    total = laid_out(first, slots)
    for operand in others:
        total = ring.multiply(total, laid_out(operand, slots))
    return total


def laid_out(operand: Operand, slots: Sequence[Tensor]) -> Tensor:
    """An operand as its step needs it, all instances stacked."""
    if len(operand.slots) == 1:
        tensor = slots[operand.slots[0]]
    else:
        tensor = stack_rows([slots[i] for i in operand.slots])
    if operand.order is not None:
        tensor = tensor.permute(operand.order)
    return tensor if tensor.shape == operand.shape else tensor.reshape(operand.shape)
