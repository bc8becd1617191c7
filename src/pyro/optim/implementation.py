"""Which of torch's implementations of an optimiser to use: plain, foreach or fused."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

# Below this many tensors a plain loop is faster than foreach on a CPU (measured).
_FOREACH_FROM = 8
_DECIDED = ("foreach", "fused", "capturable", "differentiable")


def choose(
    constructor: Callable[..., Any], params: Sequence[Tensor], options: dict[str, Any]
) -> dict[str, Any]:
    """The fastest exact implementation for these tensors, as constructor arguments.

    Empty where the user decided, or where the optimiser offers no choice.
    """
    known = _parameters(constructor)
    if any(options.get(key) for key in _DECIDED) or options.get("foreach") is False:
        return {}
    if "fused" in known and "fused" not in options and all(map(_fusable, params)):
        return {"fused": True}
    on_cpu = all(p.device.type == "cpu" for p in params)
    if "foreach" in known and on_cpu and not any(p.is_complex() for p in params):
        return {"foreach": len(params) >= _FOREACH_FROM}
    return {}


@functools.cache
def _parameters(constructor: Callable[..., Any]) -> frozenset[str]:
    if not is_torch(constructor):
        return frozenset()
    return frozenset(inspect.signature(constructor).parameters)


def is_torch(constructor: Callable[..., Any]) -> bool:
    """Whether an optimiser is torch's own or ours: its arguments all live in parameter groups."""
    module = getattr(constructor, "__module__", "")
    return isinstance(constructor, type) and module.startswith(("torch.optim.", "pyro.optim."))


def _fusable(p: Tensor) -> bool:
    """Fused kernels walk memory: on a CPU a strided tensor would silently be mixed up."""
    return (
        p.device.type in ("cpu", "cuda")
        and p.dtype in (torch.float32, torch.float64)
        and p.layout is torch.strided
        and p.is_contiguous()
    )
