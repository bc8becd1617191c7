"""A device that is none: numbers are on the CPU, and torch says that they are elsewhere.

As on a GPU, an operation on tensors of two devices is an error, unless one of them is a number
of the CPU. So what mixes devices is found on a machine that has only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

DEVICE = torch.device("lazy", 0)  # for autograd it is like the CPU, for everything else it is not
_MOVES = ("aten::copy_", "aten::_to_copy", "aten::to", "aten::lift_fresh")


class Elsewhere(Tensor):
    """A tensor that says it is on the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        made = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    """Makes tensors on the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    flat = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    there = any(isinstance(x, Elsewhere) for x in flat)
    name = func._schema.name
    here = [x for x in flat if not isinstance(x, Elsewhere) and x.dim()]
    if there and here and name not in _MOVES:
        raise RuntimeError(f"{name} on {DEVICE} and on cpu, of shape {tuple(here[0].shape)}")
    device = kwargs.get("device")
    if device is not None:
        there = torch.device(device).type == DEVICE.type
        kwargs = {**kwargs, "device": "cpu"}
    elif name == "aten::copy_":
        there = isinstance(args[0], Elsewhere)
    given, named = pytree.tree_map_only(Elsewhere, lambda x: x.held, (args, kwargs))
    found = func(*given, **named)
    if not there:
        return found
    wrapped = pytree.tree_map_only(Tensor, Elsewhere, found)
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


@contextmanager
def pretended_device(is_default: bool = False) -> Iterator[torch.device]:
    """Inside, the device can be used; as the default, tensors are made there."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(x, device=...) comes by here, too
    try:
        with _Mode(), DEVICE if is_default else nullcontext():
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(before)
