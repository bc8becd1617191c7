"""Torch's optimisers without the marks that they have for ``torch.compile``.

In a program that compiles nothing with torch, the marks on ``add_param_group`` and ``step`` only
import ``torch._dynamo``, and with it sympy: that takes seconds.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim import optimizer as torch_optimizer

from pyro.optim.implementation import is_torch


def make(constructor: Callable[..., Optimizer], *args: Any, **options: Any) -> Optimizer:
    """What ``constructor`` makes of these arguments.

    Example::

        >>> x = torch.zeros((), requires_grad=True)
        >>> make(torch.optim.SGD, [x], lr=0.5).param_groups[0]["lr"]
        0.5
    """
    if not _has_marks(constructor):
        return constructor(*args, **options)
    kind: Any = constructor
    made: Optimizer = kind.__new__(kind)
    name = Optimizer.add_param_group.__name__
    vars(made)[name] = MethodType(inspect.unwrap(Optimizer.add_param_group), made)
    kind.__init__(made, *args, **options)
    del vars(made)[name]
    return made


def step(optimizer: Optimizer) -> None:
    """``optimizer.step()``."""
    kind = type(optimizer)
    if not _has_marks(kind) or is_hooked(optimizer) or not _is_unchanged(optimizer):
        optimizer.step()
        return
    with torch.set_grad_enabled(optimizer.defaults.get("differentiable", False)):
        inspect.unwrap(kind.step)(optimizer)
    optimizer._opt_called = True  # type: ignore[attr-defined]  # what schedulers look at


def is_hooked(optimizer: Optimizer) -> bool:
    """Whether something else is to happen before or after a step."""
    return bool(
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or torch_optimizer._global_optimizer_pre_hooks
        or torch_optimizer._global_optimizer_post_hooks
    )


def _has_marks(constructor: Callable[..., Any]) -> bool:
    """Whether this is an optimiser of torch's or ours, and what its marks import is not there."""
    return "torch._dynamo" not in sys.modules and is_torch(constructor)


def _is_unchanged(optimizer: Optimizer) -> bool:
    """Whether ``step`` is that of the class, or what a scheduler of torch's makes of it."""
    own = vars(optimizer).get("step")
    return own is None or hasattr(own, "_wrapped_by_lr_sched")
