"""What a run minimises, as a tensor that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, final

from torch import Tensor

from pyro.compile.not_capturable import not_capturable
from pyro.infer.elbo.elbo import ELBO
from pyro.infer.energy_distance import EnergyDistance

LossFn = Callable[..., Any]
_PLAIN = (ELBO, EnergyDistance)  # whose gradients are those of their differentiable_loss


@final
class Differentiated:
    """``loss_and_grads`` of a plain loss function."""

    def __init__(self, loss: LossFn) -> None:
        self.loss = loss

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self.loss(*args, **kwargs)
        if getattr(value, "requires_grad", False):
            value.backward()
        return value


def objective_of(loss_and_grads: LossFn) -> LossFn | str:
    """The loss as a tensor, given model, guide and their arguments; or why there is none."""
    if isinstance(loss_and_grads, Differentiated):
        return loss_and_grads.loss
    owner = getattr(loss_and_grads, "__self__", None)
    kind: Any = type(owner)
    for base in _PLAIN:
        if (
            isinstance(owner, base)
            and kind.loss_and_grads is base.loss_and_grads
            and kind.differentiable_loss is base.differentiable_loss
        ):
            return partial(_without_averages, owner)
    name = type(owner).__name__ if owner is not None else "loss_and_grads"
    return f"{name} computes gradients in its own way"


def wants_compilation(loss_and_grads: LossFn) -> bool:
    """Whether an objective asks for machine code by its name."""
    owner = getattr(loss_and_grads, "__self__", None)
    return isinstance(owner, ELBO) and owner.wants_compilation


def _without_averages(owner: ELBO | EnergyDistance, *args: Any, **kwargs: Any) -> Tensor:
    averages = vars(owner).get("_averages")
    if averages is not None and averages.are_used:
        raise not_capturable("a baseline is an average over steps")
    return owner.differentiable_loss(*args, **kwargs)
