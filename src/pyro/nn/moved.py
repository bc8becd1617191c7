"""Priors and constraints that follow a module to another device or dtype."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Transform, constraints

from pyro.distributions.distribution import Distribution as PyroDistribution

Move = Callable[[Tensor], Tensor]
_HOLDERS = (Distribution, PyroDistribution, Transform, constraints.Constraint)


def mover(fn: Move) -> Callable[[Any], Any] | None:
    """What applies ``fn``, given to ``Module._apply``, to the tensors in a prior or a constraint.

    :return: None if ``fn`` does not keep values (it makes empty or meta tensors).
    """
    probe = fn(torch.ones(()))
    if probe.is_meta or probe.item() != 1.0:
        return None
    return lambda value: _mapped(value, fn)


def _mapped(value: Any, fn: Move) -> Any:
    if isinstance(value, Tensor):
        return fn(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        items = [_mapped(item, fn) for item in value]
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    if not isinstance(value, _HOLDERS):
        return value
    new = {key: _mapped(item, fn) for key, item in vars(value).items()}
    if all(new[key] is item for key, item in vars(value).items()):
        return value
    result = copy.copy(value)
    vars(result).update(new)
    return result
