"""Neural networks as parts of a program."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from pyro.errors import SiteError
from pyro.params.names import param_with_module_name
from pyro.params.param_store import PARAM_STORE
from pyro.poutine.lift_messenger import LiftMessenger
from pyro.primitives.param import param


def module(name: str, nn_module: nn.Module, update_module_params: bool = False) -> nn.Module:
    """Register the parameters of a ``torch.nn.Module`` with the parameter store.

    Each becomes the parameter ``name + "$$$" + its path`` and shares its tensor with the store, so
    that optimising one trains the other.

    :param update_module_params: Copy values that the store already has (after loading a file, or
        under ``lift``) into the module.
    :return: The module.
    :raises SiteError: if a class is given instead of an instance, or the name contains ``$$$``.

    Example::

        >>> decoder = pyro.module("decoder", torch.nn.Linear(20, 784))
        >>> sorted(pyro.get_param_store().keys())
        ['decoder$$$bias', 'decoder$$$weight']
    """
    if not isinstance(nn_module, nn.Module):
        kind = "the class" if isinstance(nn_module, type) else f"a {type(nn_module).__name__}"
        raise SiteError(
            f"pyro.module({name!r}): expected an instance of torch.nn.Module, but got {kind} "
            f"{nn_module!r}"
        )
    if "$$$" in name:
        raise SiteError(f"pyro.module({name!r}): '$$$' is reserved and cannot be part of the name")
    frozen = []
    for path, tensor in list(nn_module.named_parameters()):
        if not tensor.requires_grad:
            frozen.append(path)
            continue
        full_name = param_with_module_name(name, path)
        PARAM_STORE.keep(full_name, tensor)
        value = param(full_name, tensor)
        if value is not tensor and update_module_params:
            _replace(nn_module, path, value)
    if frozen and nn_module.training:
        warnings.warn(
            f"pyro.module({name!r}): not registered because requires_grad is False: "
            f"{', '.join(frozen)}",
            UserWarning,
            stacklevel=2,
        )
    return nn_module


def random_module(
    name: str, nn_module: nn.Module, prior: Any, *args: Any, **kwargs: Any
) -> Callable[[], nn.Module]:
    """A distribution over copies of a module whose parameters are drawn from a prior (deprecated).

    :param prior: A distribution, or a dict from parameter paths to distributions, or a callable.
    :return: A function that draws one module per call.

    .. deprecated:: 1.0
       Write the module as a ``PyroModule``.

    Example::

        >>> prior = {"weight": dist.Normal(torch.zeros(1, 3), 1.0), "bias": dist.Normal(0.0, 1.0)}
        >>> draw = random_module("net", nn.Linear(3, 1), prior)
        >>> one, two = draw(), draw()
        >>> one(torch.ones(3)).shape, torch.equal(one.weight, two.weight)
        (torch.Size([1]), False)
    """
    warnings.warn(
        "pyro.random_module is deprecated; use pyro.nn.PyroModule", FutureWarning, stacklevel=2
    )
    lifted: Callable[..., nn.Module] = LiftMessenger(prior)(module)

    def draw() -> nn.Module:
        nn_copy = copy.deepcopy(nn_module)
        return lifted(name, nn_copy, *args, update_module_params=True, **kwargs)

    return draw


def _replace(nn_module: nn.Module, path: str, value: torch.Tensor) -> None:
    """Put a tensor (a Parameter, or a random draw) in the place of a module's parameter."""
    *parents, leaf = path.split(".")
    owner = nn_module.get_submodule(".".join(parents))
    owner._parameters[leaf] = value  # type: ignore[assignment]


__all__ = ["module", "random_module"]
