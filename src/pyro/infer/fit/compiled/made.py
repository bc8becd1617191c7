"""A step that torch has made with given random numbers, and what it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.compile.draws import Counted, Key
from pyro.compile.draws.work import Work
from pyro.compile.verify import difference
from pyro.infer.fit.compiled import worth
from pyro.infer.fit.compiled.rehearsal import Rehearsal
from pyro.infer.fit.steps.call import Call, EagerStep
from pyro.infer.fit.steps.comparison import (
    OTHER_GRADIENTS,
    gradients_of,
    in_order,
    loss_difference,
    precision_of,
)
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.fit.steps.taken import Comparison


class Made(NamedTuple):
    """A step that torch has made.

    :param loss: The loss before it, or several.
    :param leaves: The unconstrained leaves of its parameters, by name.
    :param gradients: Copies of the gradients of those that have one.
    :param work: What torch had to do.
    """

    loss: Loss
    leaves: dict[str, Tensor]
    gradients: dict[str, Tensor]
    work: Work

    def rehearsal(self) -> Rehearsal:
        """What a step like this one is made of."""
        products = worth.routine_for(self.work, self.leaves.values())
        return Rehearsal(self.leaves, list(self.gradients), parts_of(self.loss), products)

    def compared(
        self, found: tuple[Loss, Tensor] | None, order: Sequence[Tensor]
    ) -> Comparison | None:
        """Whether the loss and the gradient of this step are others, beyond rounding.

        :param found: The others; the gradient is one vector.
        :param order: The leaves of which it is the gradient.
        """
        return None if found is None else Comparison(self._difference(*found, order))

    def _difference(self, loss: Loss, gradient: Tensor, order: Sequence[Tensor]) -> str | None:
        parts = in_order(self.gradients, self.leaves, order)
        if parts is None:
            return OTHER_GRADIENTS
        precision = precision_of(parts)
        whole = torch.cat([part.reshape(-1).to(precision) for part in parts])
        return difference(gradient, whole) or loss_difference(loss, self.loss, precision)


def make_step(step: EagerStep, call: Call, key: Key) -> Made:
    """Make a step whose random numbers are those of a key."""
    gradients: dict[str, Tensor] = {}
    counted = Counted(key)
    with counted:
        loss, leaves = step(
            call.args, call.kwargs, lambda found: gradients.update(gradients_of(found))
        )
    return Made(loss, leaves, gradients, counted.work)


def parts_of(loss: Loss) -> int:
    """How many losses a step has."""
    return len(loss) if isinstance(loss, tuple) else 1
