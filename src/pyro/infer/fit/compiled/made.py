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
from pyro.infer.fit.steps.comparison import gradients_of, loss_difference, precision_of
from pyro.infer.fit.steps.protocol import Loss


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

    def difference(self, found: tuple[Loss, Tensor], order: Sequence[Tensor]) -> str | None:
        """How the loss and the gradient of this step differ from others beyond rounding.

        :param found: The others; the gradient is one vector.
        :param order: The leaves of which it is the gradient.
        """
        names = {id(leaf): name for name, leaf in self.leaves.items()}
        parts = [self.gradients.get(names.get(id(leaf), "")) for leaf in order]
        expected = [part.reshape(-1) for part in parts if part is not None]
        if not len(expected) == len(parts) == len(self.gradients):
            return "a parameter has a gradient in some steps only"
        precision = precision_of(expected)
        whole = torch.cat([part.to(precision) for part in expected])
        return difference(found[1], whole) or loss_difference(found[0], self.loss, precision)


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
