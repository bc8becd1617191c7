"""Where the parameters of a site are: dotted names as nested modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from pyro.nn.pyro_module import PyroModule


def attribute_paths(names: Iterable[str]) -> dict[str, str]:
    """A path of attributes for each site: its name, where that can be one.

    A part that a module has already (a site called ``type`` or ``half``) and a name that is also
    the beginning of another (``b`` beside ``b.c``) get an underscore.
    """
    known = list(names)
    parents = {name[:cut] for name in known for cut, char in enumerate(name) if char == "."}
    return {
        name: ".".join(map(_free, name.split("."))) + ("_" if name in parents else "")
        for name in known
    }


def _free(part: str) -> str:
    return part + "_" if not part or hasattr(_PLAIN, part) else part


def deep_set(root: nn.Module, path: str, value: Any) -> None:
    """Set an attribute of a module, along a dotted path whose modules are made as needed."""
    *parents, leaf = path.split(".")
    setattr(module_at(root, parents), leaf, value)


def deep_get(root: nn.Module, path: str) -> Any:
    """The attribute at a dotted path."""
    for part in path.split("."):
        root = getattr(root, part)
    return root


def module_at(root: nn.Module, parts: Iterable[str]) -> nn.Module:
    """The module at a path, made if it is not there."""
    for part in parts:
        if part not in root._modules:
            setattr(root, part, PyroModule())
        root = root._modules[part]  # type: ignore[assignment]
    return root


_PLAIN = PyroModule()
