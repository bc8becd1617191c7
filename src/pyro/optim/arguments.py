"""Arguments that may differ per parameter: a dict, or a callable that is given names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pyro.errors import SiteError
from pyro.params.names import (
    module_from_param_with_module_name,
    normalize_param_name,
    user_param_name,
)

Options = dict[str, Any]
Args = Mapping[str, Any] | Callable[..., Mapping[str, Any]]


def check_args(kind: str, args: Any) -> None:
    """Refuse arguments that are neither a dict nor a callable.

    :param kind: What they are, for the message.
    :raises SiteError: if they are something else.
    """
    if not (callable(args) or isinstance(args, Mapping)):
        raise SiteError(
            f"{kind} must be a dict or a callable that returns one, but got "
            f"{type(args).__name__}: {args!r}"
        )


def options_of(args: Args, name: str) -> Options:
    """A fresh dict of the arguments for one parameter.

    :param args: A dict (the same for all); or a callable of the parameter's name, in which ``$$$``
        is written ``.``; or a callable of two names, the module's and the parameter's in it.
    :param name: The parameter's name in the store.
    :raises SiteError: if the callable returns anything but a dict.
    """
    if not callable(args):
        return dict(args)
    if _takes_two(args):
        found = args(module_from_param_with_module_name(name), user_param_name(name))
    else:
        found = args(normalize_param_name(name))
    if not isinstance(found, Mapping):
        raise SiteError(
            f"param {name!r}: the callable for optimizer arguments must return a dict, but "
            f"returned {type(found).__name__}: {found!r}"
        )
    return dict(found)


def _takes_two(fn: Callable[..., Any]) -> bool:
    """Whether a callable has exactly two required positional parameters."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return len(required) == 2
