"""Learnable parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.distributions import constraints

from pyro.params.param_store import PARAM_STORE, ParamStoreDict
from pyro.runtime import STATE, apply_stack, new_message


def param(
    name: str,
    init_tensor: torch.Tensor | float | Callable[[], torch.Tensor] | None = None,
    constraint: constraints.Constraint = constraints.real,
    event_dim: int | None = None,
) -> torch.Tensor:
    """Declare a learnable parameter, or read it.

    The parameter lives unconstrained in the global store; the value returned is constrained and
    differentiable. The initial value is used the first time only.

    :param init_tensor: The initial constrained value, or a function that makes it.
    :param constraint: The set of legal values, from :mod:`pyro.distributions.constraints`.
    :param event_dim: How many of the rightmost dims are not batch dims. Inside a subsampled plate
        a parameter with ``event_dim`` is indexed by the plate's subsample.
    :return: The value; its ``unconstrained()`` is the stored leaf.
    :raises ParamNotFoundError: if there is no such parameter and no initial value.
    :raises ParamConstraintError: if the initial value violates the constraint.

    Example::

        >>> scale = param("scale", torch.ones(3), constraint=constraints.positive)
        >>> scale.detach(), scale.unconstrained().detach()
        (tensor([1., 1., 1.]), tensor([0., 0., 0.]))
    """
    if not STATE.stack:
        return PARAM_STORE.get_param(name, init_tensor, constraint, event_dim)
    msg = new_message(
        "param",
        name,
        PARAM_STORE.get_param,
        (name,) if init_tensor is None else (name, init_tensor),
        {"constraint": constraint, "event_dim": event_dim},
    )
    apply_stack(msg)
    value: torch.Tensor = msg["value"]
    return value


def get_param_store() -> ParamStoreDict:
    """The global parameter store.

    Example::

        >>> loc = param("loc", torch.zeros(2))
        >>> get_param_store()["loc"].tolist()
        [0.0, 0.0]
        >>> list(get_param_store())
        ['loc']
    """
    return PARAM_STORE


def clear_param_store() -> None:
    """Forget all parameters; those that a module owns stay in the module.

    Example::

        >>> loc = param("loc", torch.zeros(2))
        >>> clear_param_store()
        >>> len(get_param_store())
        0
    """
    PARAM_STORE.clear()
