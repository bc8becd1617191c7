"""Reading a module's parameter as a ``param`` statement, and agreeing with the parameter store."""

from __future__ import annotations

import functools
import warnings
import weakref
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pyro.errors import ParamConstraintError
from pyro.nn.context import Context, Run
from pyro.nn.param_spec import PLAIN, ParamSpec
from pyro.params.entry import Entry
from pyro.params.param_store import PARAM_STORE
from pyro.params.redeclaration import same_constraint
from pyro.runtime import STATE, apply_stack, new_message


def param_statement(
    run: Run, context: Context, name: str, owner: nn.Module, key: str, spec: ParamSpec
) -> Any:
    """The value of a module's parameter, after the handlers around have had their say.

    A parameter that is not trainable is read without a statement.

    :param name: The full name, of the site and in the store.
    :param owner: The module that holds the leaf, as its parameter ``key``.
    """
    leaf = owner._parameters[key]
    if not isinstance(leaf, nn.Parameter) or not leaf.requires_grad or is_lazy(leaf):
        # frozen, not initialised yet, or put there by torch.func
        return leaf if spec is PLAIN else spec.value(cast(Tensor, leaf))
    if not STATE.stack:
        return spec.value(leaf) if run.local else _read_global(context, owner, key, spec, name)
    if run.local:
        read = functools.partial(_value, spec, leaf)
    else:
        read = functools.partial(_read_global, context, owner, key, spec)
    init = functools.partial(spec.value, leaf)
    options = {"constraint": spec.constraint, "event_dim": spec.event_dim}
    msg = new_message("param", name, read, (name, init), options)
    apply_stack(msg)
    return msg["value"]


def _value(spec: ParamSpec, leaf: Tensor, name: str, *args: Any, **kwargs: Any) -> Tensor:
    return spec.value(leaf)


def _read_global(
    context: Context,
    owner: nn.Module,
    key: str,
    spec: ParamSpec,
    name: str,
    *args: Any,
    **kwargs: Any,
) -> Tensor:
    """The value in the store, which holds the module's own leaf, after they have agreed."""
    leaf = owner._parameters[key]
    entry = PARAM_STORE.find(name)
    if entry is not None and entry.leaf is leaf and entry.constraint is spec.constraint:
        return entry.value()
    assert leaf is not None
    agreed = context.agreed.setdefault(owner, {})
    earlier = agreed.get(name)
    known_before = entry is not None and entry.leaf is not leaf
    if entry is not None and known_before and (earlier is None or earlier() is not entry.leaf):
        leaf = owner._parameters[key] = _taken_over(context, leaf, spec, entry)
    agreed[name] = weakref.ref(leaf)
    context.names.add(name)
    return PARAM_STORE.adopt(name, leaf, spec.constraint)


def _taken_over(
    context: Context, leaf: nn.Parameter, spec: ParamSpec, entry: Entry
) -> nn.Parameter:
    """The module's leaf with the store's value: the store knew the name before the module did.

    A leaf that another module holds is shared with it; a plain one, from a file or a statement,
    gives its value only, so that the module keeps its own leaf.
    """
    if entry.leaf.shape != leaf.shape or not same_constraint(entry.constraint, spec.constraint):
        raise ParamConstraintError(
            f"param {entry.name!r}: the module has unconstrained shape {tuple(leaf.shape)} and "
            f"constraint {spec.constraint!r}, but the parameter store has one of this name with "
            f"shape {tuple(entry.leaf.shape)} and constraint {entry.constraint!r}. {_ADVICE}"
        )
    if isinstance(entry.leaf, nn.Parameter):
        if not context.warned and entry.name not in context.names:
            context.warned = True
            warnings.warn(
                f"param {entry.name!r}: a module has an attribute whose name another module has "
                "in the parameter store already. They share the value and are trained together. "
                f"{_ADVICE}",
                UserWarning,
                stacklevel=6,
            )
        return entry.leaf
    with torch.no_grad():
        leaf.copy_(entry.leaf)
    return leaf


_ADVICE = (
    "To keep modules apart, give the outermost one a name, PyroModule(name=...), or call "
    "pyro.settings.set(module_local_params=True); to start afresh, call pyro.clear_param_store()."
)
