"""Attributes of modules by dotted paths."""

from __future__ import annotations

from typing import Any

from torch import nn

from pyro.nn.pyro_module import PyroModule


def set_nested(module: nn.Module, path: str, value: Any) -> None:
    """Assign to the attribute at a dotted path; modules that are missing on the way are made.

    Example::

        >>> from pyro.nn import PyroModule, PyroParam
        >>> module = PyroModule()
        >>> set_nested(module, "layer.0.scale", PyroParam(torch.ones(2)))
        >>> [name for name, _ in module.named_pyro_params()]
        ['layer.0.scale']
    """
    *parents, last = path.split(".")
    for name in parents:
        if name not in module._modules:
            setattr(module, name, PyroModule())
        module = getattr(module, name)
    setattr(module, last, value)


def get_nested(module: nn.Module, path: str) -> Any:
    """Read the attribute at a dotted path.

    :raises AttributeError: if there is none.

    Example::

        >>> get_nested(torch.nn.Sequential(torch.nn.Linear(2, 3)), "0.bias").shape
        torch.Size([3])
    """
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name)
    return value
