"""Options of Pyro: a registry of named switches, each backed by one module attribute.

A setting and a direct assignment to the attribute behind it are the same thing.

Example::

    >>> with context(validate_poutine=False):
    ...     get("validate_poutine")
    False
    >>> set(validate_infer=True)
    >>> "validate_infer" in get()  # every setting with its current value
    True
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

from pyro.errors import PyroError

F = TypeVar("F", bound=Callable[..., Any])
Validator = Callable[[Any], None]


class UnknownSettingError(PyroError, KeyError):
    """A setting was named that is not registered."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Setting(NamedTuple):
    module: str
    deepname: str
    validator: Validator | None


_REGISTRY: dict[str, _Setting] = {}


def register(
    alias: str, modulename: str, deepname: str, validator: Validator | None = None
) -> Callable[[F], F]:
    """Register the attribute ``modulename.deepname`` as a setting called ``alias``.

    :param alias: The name used in :func:`get`, :func:`set` and :func:`context`.
    :param modulename: A module name, typically ``__name__``.
    :param deepname: A dotted path inside the module.
    :param validator: Called with a new value before it is set; raises ``ValueError`` on a bad one.
    :return: A decorator that attaches the validator when it is written as a function below.
    :raises ValueError: if ``alias`` is taken by another attribute.

    Example::

        >>> validator = register("validate_infer", "pyro.infer.validation", "VALIDATE")
        >>> get("validate_infer")
        True
        >>> register("validate_infer", "my.module", "VALIDATE")
        Traceback (most recent call last):
            ...
        ValueError: setting 'validate_infer' is already registered for pyro.infer...
    """
    entry = _Setting(modulename, deepname, validator)
    taken = _REGISTRY.setdefault(alias, entry)
    if taken[:2] != entry[:2]:
        raise ValueError(
            f"setting {alias!r} is already registered for {taken.module}.{taken.deepname}"
        )

    def decorator(fn: F) -> F:
        _REGISTRY[alias] = entry._replace(validator=fn)
        return fn

    return decorator


def get(alias: str | None = None) -> Any:
    """Return one setting's value, or all as a dict when ``alias`` is None.

    Example::

        >>> get("validate_infer")
        True
        >>> get("validate")
        Traceback (most recent call last):
            ...
        pyro.settings.UnknownSettingError: unknown setting 'validate'; known are: ...
    """
    if alias is None:
        return {name: get(name) for name in sorted(_REGISTRY)}
    owner, attribute = _resolve(alias)
    return getattr(owner, attribute)


def set(**kwargs: Any) -> None:
    """Set settings by name; nothing is changed when one of the values is invalid.

    Example::

        >>> set(validate_infer=False, validate_poutine=False)
        >>> get("validate_infer")
        False
        >>> set(validate_infer=True, validate_poutine=True)
    """
    _check(kwargs)
    for alias, value in kwargs.items():
        owner, attribute = _resolve(alias)
        setattr(owner, attribute, value)


def context(**kwargs: Any) -> _Context:
    """Settings that hold inside a ``with`` block, or inside calls of a decorated function.

    Example::

        >>> @context(validate_infer=False)
        ... def unchecked():
        ...     return get("validate_infer")
        >>> unchecked(), get("validate_infer")
        (False, True)
    """
    return _Context(kwargs)


class _Context:
    """Reusable context manager and decorator around :func:`set`."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._saved: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        saved = {alias: get(alias) for alias in self._values}
        set(**self._values)
        self._saved.append(saved)

    def __exit__(self, *exc_info: object) -> None:
        set(**self._saved.pop())

    def __call__(self, fn: F) -> F:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with _Context(self._values):
                return fn(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


def _resolve(alias: str) -> tuple[Any, str]:
    """The object that holds a setting and the name of its attribute."""
    if alias not in _REGISTRY:
        raise UnknownSettingError(
            f"unknown setting {alias!r}; known are: {', '.join(sorted(_REGISTRY))}"
        )
    entry = _REGISTRY[alias]
    *path, attribute = entry.deepname.split(".")
    return functools.reduce(getattr, path, import_module(entry.module)), attribute


def _check(values: dict[str, Any]) -> None:
    for alias, value in values.items():
        _resolve(alias)
        validator = _REGISTRY[alias].validator
        if validator is not None:
            validator(value)
