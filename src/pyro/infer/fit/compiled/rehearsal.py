"""A step that is computed and not made: its loss, and what it moves."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.compile.draws import Counted, Key, Keyed, make_key
from pyro.distributions.validation import trusted_values
from pyro.infer.fit.compiled import worth
from pyro.infer.fit.steps.call import Call, Objective
from pyro.infer.fit.steps.protocol import Loss
from pyro.infer.not_finite import unread
from pyro.infer.param_capture import ParamCapture
from pyro.logger import log
from pyro.optim.optim import PyroOptim
from pyro.primitives.validation import unchecked


class Rehearsal(NamedTuple):
    """What a step is made of.

    :param leaves: The unconstrained leaves of its parameters, by name.
    :param moved: The names of those that have a gradient.
    :param parts: How many losses it has.
    :param products: As :func:`~pyro.infer.fit.compiled.worth.routine_for` says.
    """

    leaves: dict[str, Tensor]
    moved: list[str]
    parts: int
    products: str | None

    def is_like(self, other: Rehearsal) -> bool:
        """Whether code for one is code for the other."""
        mine, theirs = ((list(x.leaves), *x[1:]) for x in (self, other))
        return mine == theirs and all(other.leaves[k] is leaf for k, leaf in self.leaves.items())


def rehearse(objective: Objective, optim: PyroOptim, call: Call) -> Rehearsal:
    """Compute a step; parameters and torch's generator are left as they are.

    :param optim: Takes parameters in that are new to it.
    """
    state = torch.get_rng_state()
    counted = Counted(make_key(0))
    try:
        with unread(), counted, ParamCapture() as seen:
            found = objective(*call.args, **call.kwargs)
            losses = found if isinstance(found, tuple) else (found,)
            names, leaves = list(seen.leaves), list(seen.leaves.values())
            total: Any = sum(losses[1:], losses[0])
            gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    finally:
        torch.set_rng_state(state)
    optim.admit(seen.leaves)
    moved = [name for name, g in zip(names, gradients, strict=True) if g is not None]
    products = worth.routine_for(counted.work, leaves)
    return Rehearsal(seen.leaves, moved, len(losses), products)


def loss_of(objective: Objective, call: Call, key: Key) -> Loss | None:
    """The loss of a step with these random numbers; None if it cannot be had without a gradient.

    Torch's generator is left as it is. Arguments of distributions are not checked, as in the code.
    """
    state = torch.get_rng_state()
    try:
        with unchecked(), trusted_values(), unread(), Keyed(key), torch.no_grad():
            found = objective(*call.args, **call.kwargs)
    except Exception as error:  # if it is one of the program, it comes again when the step is made
        log.debug("no loss to compare with: %r", error)
        return None
    finally:
        torch.set_rng_state(state)
    if isinstance(found, tuple):
        return tuple(map(float, found))
    return float(found)
