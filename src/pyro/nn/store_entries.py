"""The entries of the parameter store that belong to an attribute of a module."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from torch import nn

from pyro.params.param_store import PARAM_STORE

if TYPE_CHECKING:
    from pyro.nn.pyro_module import PyroModule


def names_in_store(module: PyroModule, name: str) -> list[str]:
    """The names under which the store holds what the attribute ``name`` holds."""
    full = module._pyro_get_fullname(name)
    if full in PARAM_STORE:
        return [full]
    if module.__dict__.get("_modules", {}).get(name) is None:
        return []
    return [key for key in PARAM_STORE if key.startswith((f"{full}.", f"{full}$$$"))]


def forget(module: nn.Module, names: Iterable[str]) -> None:
    """Drop entries whose leaf is the module's own, from the store."""
    leaves = {id(leaf) for leaf in module.parameters()}
    for name in names:
        entry = PARAM_STORE.find(name)
        if entry is not None and id(entry.leaf) in leaves:
            del PARAM_STORE[name]
