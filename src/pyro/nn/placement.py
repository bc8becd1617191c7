"""Where a module stands in a tree of modules: its name and its context."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from torch import nn

from pyro.nn.param_spec import PLAIN
from pyro.nn.param_statement import param_statement
from pyro.params.names import param_with_module_name

if TYPE_CHECKING:
    from pyro.nn.context import Context, Run


def context_of(module: nn.Module) -> Context | None:
    """The context of a PyroModule; None for any other module."""
    return module.__dict__.get("_pyro_context")


def join(name: str, key: str) -> str:
    """The name of the child ``key`` of a module; what ``torch.compile`` wraps bears no name."""
    if key == "_orig_mod":
        return name
    return f"{name}.{key}" if name else key


def place(module: nn.Module, name: str, context: Context, moving: Context | None = None) -> None:
    """Give the PyroModules at and below ``module`` their names in a tree.

    A module that has its place in this tree, or in another one whose root is still there, stays
    where it is: slices and other passing containers do not rename what they hold.

    :param moving: The tree that a module above has left.
    """
    state = module.__dict__
    old: Context | None = state.get("_pyro_context")
    if old is context:
        return
    if old is not None:
        if not (state["_pyro_is_root"] or old is moving or not old.is_rooted()):
            return
        state.update(_pyro_name=name, _pyro_context=context, _pyro_is_root=False)
        moving = old
    for key, child in module._modules.items():
        if child is not None:
            place(child, join(name, key), context, moving)


def inherit(new: nn.Module, old: nn.Module | None) -> None:
    """Let a module that a call makes go on with the parameters of the one that it replaces."""
    kept = {} if old is None or old is new else dict(old.named_parameters())
    for path, leaf in list(new.named_parameters()):
        if path in kept and kept[path].shape == leaf.shape:
            owner, _, key = path.rpartition(".")
            new.get_submodule(owner)._parameters[key] = kept[path]


def enter_child(run: Run, context: Context, name: str, module: nn.Module) -> None:
    """What reading a child module in a call does.

    A PyroModule takes part in the call. A plain module cannot make statements as its parameters
    are read, so they are made now, as by :func:`pyro.module`.
    """
    other = context_of(module)
    if other is context:
        return
    if other is not None:
        run.include(other)
        return
    _enter_plain(run, context, name, "", module)


def _enter_plain(run: Run, context: Context, name: str, path: str, module: nn.Module) -> None:
    for key, leaf in list(module._parameters.items()):
        if leaf is not None:
            full = param_with_module_name(name, join(path, key))
            value: Any = param_statement(run, context, full, module, key, PLAIN)
            if value is not module._parameters[key]:
                _warn_replaced(full, module)
    for key, child in module._modules.items():
        if child is None:
            continue
        below = join(path, key)
        other = context_of(child)
        if other is None:
            _enter_plain(run, context, name, below, child)
        elif other is not context:
            place(child, f"{name}.{below}" if below else name, context)
            enter_child(run, context, "", child)


def _warn_replaced(name: str, module: nn.Module) -> None:
    warnings.warn(
        f"param {name!r}: a handler put another value in its place, which the plain "
        f"{type(module).__name__} that holds it cannot use. Make it a PyroModule: "
        f"PyroModule[nn.{type(module).__name__}](...), or pyro.nn.module.to_pyro_module_(module).",
        UserWarning,
        stacklevel=4,
    )
