"""What a run minimises, as a tensor that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, final

from pyro.compile.not_capturable import not_capturable
from pyro.infer.elbo.elbo import ELBO
from pyro.infer.energy_distance import EnergyDistance
from pyro.infer.reweighted_wake_sleep import ReweightedWakeSleep

LossFn = Callable[..., Any]
_METHODS = ("loss_and_grads", "differentiable_loss", "differentiable_losses")

_DIFFERENTIABLE: dict[type, str] = {
    ELBO: "differentiable_loss",
    EnergyDistance: "differentiable_loss",
    ReweightedWakeSleep: "differentiable_losses",
}
"""Objectives, with the method whose gradients are those that they compute."""


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
    """The loss as a tensor, given model, guide and their arguments; or why there is none.

    It is a tuple of tensors where a loss is a tuple: the gradient is then that of their sum.
    """
    if isinstance(loss_and_grads, Differentiated):
        return loss_and_grads.loss
    owner = getattr(loss_and_grads, "__self__", None)
    for base, method in _DIFFERENTIABLE.items():
        if isinstance(owner, base) and _inherits(type(owner), base):
            return partial(_without_averages, owner, method)
    name = type(owner).__name__ if owner is not None else "loss_and_grads"
    return f"{name} computes gradients in its own way"


def wants_compilation(loss_and_grads: LossFn) -> bool:
    """Whether an objective asks for machine code by its name."""
    owner = getattr(loss_and_grads, "__self__", None)
    return isinstance(owner, ELBO) and owner.wants_compilation


def _inherits(kind: Any, base: Any) -> bool:
    """Whether a subclass computes losses as its base does."""
    return all(getattr(kind, name, None) is getattr(base, name, None) for name in _METHODS)


def _without_averages(owner: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    averages = vars(owner).get("_averages")
    if averages is not None and averages.are_used:
        raise not_capturable("a baseline is an average over steps")
    return getattr(owner, method)(*args, **kwargs)
