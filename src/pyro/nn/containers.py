"""Containers whose elements are read like attributes: lists, sequences and dicts of modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from pyro.nn.mixin import register_adapter, register_mixin
from pyro.nn.placement import join, place
from pyro.nn.pyro_module import PyroModule, uproot
from pyro.nn.store_entries import forget, names_in_store


def _iterate(container: Any) -> Iterator[Any]:
    return iter([getattr(container, key) for key in list(container._modules)])


def _element(container: Any, idx: Any) -> Any:
    keys = list(container._modules)
    if not isinstance(idx, slice):
        return getattr(container, keys[idx])
    kind: Any = type(container)
    part: Any = kind.__new__(kind)
    nn.Module.__init__(part)
    place_of_whole = ("_pyro_name", "_pyro_context")
    part.__dict__.update({key: container.__dict__[key] for key in place_of_whole})
    aliases: dict[str, str] = {}
    part.__dict__.update(_pyro_is_root=False, _pyro_aliases=aliases)
    for i, key in enumerate(keys[idx]):
        shown = str(i) if isinstance(container, nn.ModuleList) else key
        part._modules[shown] = container._modules[key]
        aliases[shown] = container._pyro_aliases.get(key, key)
    return part


def _insert(container: Any, index: int, module: nn.Module) -> Any:
    """Insert an element; those behind it, and their parameters in the store, change their names."""
    plain: Any = nn.ModuleList if isinstance(container, nn.ModuleList) else nn.Sequential
    for key in container._modules:
        forget(container, names_in_store(container, key))
    result = plain.insert(container, index, module)
    _renumber(container)
    return result


def _remove(container: Any, idx: Any) -> None:
    plain: Any = nn.ModuleList if isinstance(container, nn.ModuleList) else nn.Sequential
    for key in container._modules:
        forget(container, names_in_store(container, key))
    plain.__delitem__(container, idx)
    _renumber(container)


def _renumber(container: Any) -> None:
    name, context = container.__dict__["_pyro_name"], container.__dict__["_pyro_context"]
    for key, child in container._modules.items():
        if isinstance(child, PyroModule):
            uproot(child)
        place(child, join(name, key), context)


def _lookup(container: Any, key: str) -> Any:
    if key not in container._modules:
        raise KeyError(key)
    return getattr(container, key)


def _items(container: Any) -> Any:
    return {key: getattr(container, key) for key in container._modules}.items()


def _values(container: Any) -> Any:
    return {key: getattr(container, key) for key in container._modules}.values()


_SEQUENCE = {
    "__iter__": _iterate,
    "__getitem__": _element,
    "__delitem__": _remove,
    "insert": _insert,
}

register_adapter(nn.ModuleList, _SEQUENCE)
register_adapter(nn.Sequential, _SEQUENCE)
register_adapter(nn.ModuleDict, {"__getitem__": _lookup, "items": _items, "values": _values})


class PyroModuleList(nn.ModuleList, PyroModule):
    """A ``torch.nn.ModuleList`` that is a :class:`PyroModule`: elements are named by position.

    A slice is a PyroModuleList of the same elements, which keep their names.

    Example::

        >>> from pyro.nn import PyroModule, PyroModuleList
        >>> layers = PyroModuleList([PyroModule[torch.nn.Linear](2, 2) for _ in range(3)])
        >>> type(layers[1:]).__name__, [layer._pyro_name for layer in layers[1:]]
        ('PyroModuleList', ['1', '2'])
    """


register_mixin(nn.ModuleList, PyroModuleList)
