"""``PyroModule[Cls]``: classes that are a PyroModule and a ``Cls``, made once each."""

from __future__ import annotations

import copyreg
import inspect
import operator
from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from pyro.errors import SiteError
from pyro.nn.attribute import PyroAttribute

M = TypeVar("M", bound=nn.Module)

_MADE: dict[type, type] = {}  # by plain class
_PARTS: dict[type, tuple[type, type]] = {}  # PyroModule and plain class, of what was made here
_ADAPTERS: list[tuple[type, dict[str, Any]]] = []


def register_mixin(plain: type[nn.Module], mixed: type[nn.Module]) -> None:
    """Say what ``PyroModule[plain]`` is, where it is written by hand."""
    _MADE[plain] = mixed


def register_adapter(base: type[nn.Module], attributes: dict[str, Any]) -> None:
    """Say what a PyroModule that is a ``base`` needs in addition in its class."""
    _ADAPTERS.append((base, attributes))


class PyroModuleMeta(type):
    """The type of PyroModule: ``PyroModule[Cls]``, and declarations in the body of a class."""

    _pyro_declared: dict[str, PyroAttribute]

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any
    ) -> PyroModuleMeta:
        cls = super().__new__(mcs, name, bases, body, **options)
        cls._pyro_declared = {
            key: value
            for parent in reversed(cls.__mro__)
            for key, value in vars(parent).items()
            if isinstance(value, PyroAttribute) and inspect.getattr_static(cls, key) is value
        }
        for base, attributes in _ADAPTERS:
            if base in cls.__mro__:
                _adapt(cls, base, attributes)
        return cls

    @property
    def __signature__(cls) -> inspect.Signature:
        """The parameters of ``__init__``, which editors and ``help`` would look for elsewhere."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__call__(*args, **kwargs)
        if cls._pyro_declared:
            module._pyro_declare_from_class()
        return module

    def __getitem__(cls, plain: type[M]) -> type[M]:
        if any(isinstance(base, PyroModuleMeta) for base in cls.__bases__):  # perhaps Generic
            return cls.__class_getitem__(plain)  # type: ignore[attr-defined,no-any-return]
        if not (isinstance(plain, type) and issubclass(plain, nn.Module)):
            raise SiteError(
                f"PyroModule[{plain!r}]: expected a subclass of torch.nn.Module, as in "
                "PyroModule[nn.Linear](3, 1)"
            )
        if issubclass(plain, cls):
            return plain
        found = _MADE.get(plain)
        if found is None:
            found = _MADE[plain] = _make(cls, plain)
        return found


def _adapt(cls: type, base: type, attributes: dict[str, Any]) -> None:
    """Replace what a class has from ``base``, but not what a class between them defines."""
    for key, value in attributes.items():
        if inspect.getattr_static(cls, key, None) is vars(base).get(key):
            setattr(cls, key, value)


def _make(pyro_module: type, plain: type[nn.Module]) -> type:
    meta: Any = type(pyro_module)
    if not issubclass(meta, type(plain)):
        meta = type(f"Pyro{type(plain).__name__}", (meta, type(plain)), {})
        copyreg.pickle(meta, _reduce)
    if plain is nn.Module:
        return pyro_module
    body = {"__module__": plain.__module__, "__doc__": plain.__doc__}
    made: type = meta(f"Pyro{plain.__name__}", (plain, pyro_module), body)
    _PARTS[made] = pyro_module, plain
    return made


def _reduce(cls: type) -> str | tuple[Callable[..., Any], tuple[Any, ...]]:
    """How a class is pickled: by its name, or as what is made from a class by name."""
    parts = _PARTS.get(cls)
    return cls.__qualname__ if parts is None else (operator.getitem, parts)


copyreg.pickle(PyroModuleMeta, _reduce)
