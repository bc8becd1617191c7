"""State that is loaded into a guide before its model has run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pyro.errors import ShapeError
from pyro.nn.context import STATEMENTS
from pyro.nn.pyro_module import PyroModule


def materialise(root: nn.Module, names: Mapping[str, Tensor]) -> None:
    """Make parameters for the tensors of a state dict, where the guide has none yet."""
    for path, tensor in names.items():
        *parents, leaf = path.split(".")
        if parents[:1] == [STATEMENTS]:  # they wait for their statements
            continue
        owner = root
        for part in parents:
            if part not in owner._modules:
                setattr(owner, part, PyroModule())
            owner = owner._modules[part]  # type: ignore[assignment]
        if leaf not in owner._parameters and leaf not in owner._buffers:
            if tensor.is_floating_point():
                owner._parameters[leaf] = nn.Parameter(torch.empty_like(tensor))
            else:
                owner._buffers[leaf] = torch.empty_like(tensor)


def take_state(root: nn.Module, kind: type[nn.Module]) -> dict[str, Tensor]:
    """Remove all parameters and buffers that were materialised, and return them by path.

    :param kind: Modules of this class, and what is below, keep their own; so do statements.
    """
    state: dict[str, Tensor] = {}
    for prefix, module in _own_modules(root, "", kind):
        for tensors in (module._parameters, module._buffers):
            for name, tensor in list(tensors.items()):
                if tensor is None or name in module._non_persistent_buffers_set:
                    continue
                state[f"{prefix}.{name}" if prefix else name] = tensor
                del tensors[name]
    return state


def _own_modules(
    module: nn.Module, prefix: str, kind: type[nn.Module]
) -> Iterator[tuple[str, nn.Module]]:
    yield prefix, module
    for name, child in module._modules.items():
        if child is not None and name != STATEMENTS and not isinstance(child, kind):
            yield from _own_modules(child, f"{prefix}.{name}" if prefix else name, kind)


def put_state(root: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a guide whose parameters are now known those that were loaded, the same tensors.

    :raises ShapeError: if one has another shape than the model asks for.
    """
    for path, tensor in state.items():
        owner, leaf = _owner(root, path)
        is_buffer = leaf in owner._buffers
        tensors: Any = owner._buffers if is_buffer else owner._parameters
        current = tensors.get(leaf)
        if current is None or current.shape != tensor.shape:
            found = "has no such parameter" if current is None else f"needs {tuple(current.shape)}"
            raise ShapeError(
                f"{type(root).__name__}: the loaded state has {path!r} of shape "
                f"{tuple(tensor.shape)}, but the guide of this model, with these arguments, {found}"
            )
        tensors[leaf] = tensor.detach() if is_buffer else tensor


def _owner(root: nn.Module, path: str) -> tuple[nn.Module, str]:
    *parents, leaf = path.split(".")
    try:
        return root.get_submodule(".".join(parents)), leaf
    except AttributeError:
        return nn.Module(), leaf
