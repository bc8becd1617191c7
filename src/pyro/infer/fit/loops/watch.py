"""State of Python that a program reads, watched for changes from outside."""

from __future__ import annotations

import functools
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, final

from torch import Tensor, nn

from pyro.poutine.messenger import Messenger

MOST = 5_000  # items; a program that reads more is not watched
_PLAIN = frozenset({int, float, bool, complex, str, bytes, type(None)})
_MISSING = object()
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_OF_TORCH = frozenset(vars(nn.Module())) - {"_parameters", "_buffers", "_modules", "training"}


class Found(NamedTuple):
    """A change.

    :param name: Where, in words.
    :param is_own: Whether it is in an object of this library.
    """

    name: str
    is_own: bool


class _Entry(NamedTuple):
    """What a dict, or the dict of an object, has under a key."""

    holder: Mapping[Any, Any]
    key: Any
    value: Any
    found: Found

    def is_same(self) -> bool:
        return _same(self.holder.get(self.key, _MISSING), self.value)


class _Cell(NamedTuple):
    """What a variable of an enclosing function holds."""

    cell: types.CellType
    value: Any
    found: Found

    def is_same(self) -> bool:
        return _same(_content(self.cell), self.value)


class _Items(NamedTuple):
    """A list, item by item; or the number of entries of a dict."""

    holder: Any
    value: tuple[Any, ...] | int
    found: Found

    def is_same(self) -> bool:
        now, then = self.holder, self.value
        if isinstance(then, int):
            return len(now) == then
        return len(now) == len(then) and all(map(_same, now, then))


class _Memory(NamedTuple):
    """A tensor that nobody trains."""

    tensor: Tensor
    version: int
    found: Found

    def is_same(self) -> bool:
        return self.tensor._version == self.version and not self.tensor.requires_grad


_Item = _Entry | _Cell | _Items | _Memory


class _Part(NamedTuple):
    """Something to be looked into; ``is_own`` of a list says whose attribute it is."""

    value: Any
    name: str
    is_own: bool


class Unwatchable(Exception):  # noqa: N818
    """A program does something that a repetition without Python would leave out."""


class CompiledByTorch(Unwatchable):
    """A part of a program is compiled already, by ``torch.compile``."""


@final
class Watch:
    """All that is found from some objects on: variables, attributes, items, tensors.

    Functions lead to the variables that their code names, objects and modules of torch to their
    attributes. Libraries are not looked into, and data of other libraries only identified.

    :param roots: Objects by a name for them.
    :raises Unwatchable: if they print, have hooks, or there is too much.

    Example::

        >>> from pyro.infer.fit.loops.watch import Watch
        >>> def make(spread):
        ...     return lambda: spread[0]
        >>> spread = [1.0]
        >>> model = make(spread)
        >>> watch = Watch({"model": model})
        >>> watch.changed() is None
        True
        >>> spread[0] = 2.0
        >>> watch.changed().name
        'spread of model'
    """

    def __init__(self, roots: Mapping[str, Any]) -> None:
        self._items: list[_Item] = []
        self._known: dict[int, Any] = {}  # keeps what was seen alive, so that ids last
        waiting: list[_Part] = []
        for name, value in roots.items():
            self._known[id(value)] = value
            waiting.extend(self._look(_Part(value, name, False), True))
        while waiting:
            part = waiting.pop()
            if id(part.value) in self._known or type(part.value) in _PLAIN:
                continue
            self._known[id(part.value)] = part.value
            waiting.extend(self._look(part, False))
            if len(self._items) > MOST:
                raise Unwatchable(f"there is too much state to watch: see {part.name}")
        self._sort()

    def _sort(self) -> None:
        """By kind, since this is gone through before each step."""
        self._entries = [item for item in self._items if isinstance(item, _Entry)]
        self._sizes = [
            (item.holder, 0 if item.value == () else item.value, item.found)
            for item in self._items
            if isinstance(item, _Items) and (isinstance(item.value, int) or item.value == ())
        ]
        self._tensors = [item for item in self._items if isinstance(item, _Memory)]
        self._others = [
            item
            for item in self._items
            if isinstance(item, _Cell) or (isinstance(item, _Items) and item.value)
            if not (isinstance(item, _Items) and isinstance(item.value, int))
        ]

    def changed(self) -> Found | None:
        """The first change since the beginning."""
        missing = _MISSING
        for holder, key, value, found in self._entries:
            now = holder.get(key, missing)
            if now is not value and not _same(now, value):
                return found
        for holder, size, found in self._sizes:
            if len(holder) != size:
                return found
        for tensor, version, found in self._tensors:
            if tensor._version != version or tensor.requires_grad:
                return found
        for item in self._others:
            if not item.is_same():
                return item.found
        return None

    def settle(self) -> Found | None:
        """Leave out objects of this library that have changed; another change, if there is one."""
        kept: list[_Item] = []
        for item in self._items:
            if item.is_same():
                kept.append(item)
            elif not item.found.is_own:
                return item.found
        self._items = kept
        self._sort()
        return None

    def _look(self, part: _Part, is_root: bool) -> Iterator[_Part]:
        value, name, _ = part
        if _is_compiled_by_torch(value):
            raise CompiledByTorch(f"{name} is compiled by torch.compile")
        if isinstance(value, Tensor):
            if value.is_inference():
                raise Unwatchable(f"{name} is a tensor of inference mode")
            if not (value.requires_grad and value.is_leaf):
                self._items.append(_Memory(value, value._version, Found(name, False)))
            return
        otherwise = _of_root if is_root else _of_object
        parts = next((p for kind, p in _PARTS if isinstance(value, kind)), otherwise)
        for item in parts(*part):
            if isinstance(item, _Part):
                yield item
            else:
                self._items.append(item)
                yield from _inside(item)


def _inside(item: _Item) -> Iterator[_Part]:
    """What an item holds."""
    if isinstance(item, _Items):
        held = item.value if isinstance(item.value, tuple) else ()
        return (_Part(x, *item.found) for x in held)
    return iter(() if isinstance(item, _Memory) else (_Part(item.value, *item.found),))


def _same(now: Any, then: Any) -> bool:
    if now is then:
        return True
    kind = type(now)
    if kind is not type(then):
        return False
    if kind is tuple:
        return len(now) == len(then) and all(map(_same, now, then))
    return kind in _PLAIN and bool(now == then)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


# ---------------------------------------------------------------- kinds of objects

_Parts = Iterator[_Item | _Part]


def _of_function(fn: types.FunctionType, name: str, _: bool) -> _Parts:
    label = fn.__name__ if fn.__name__ != "<lambda>" else name
    module = fn.__globals__.get("__name__")
    own = _is_own(module)
    for variable, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        yield _Cell(cell, _content(cell), Found(f"{variable} of {label}", own))
    for value in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values()):
        yield _Part(value, f"a default of {label}", own)
    if not _is_library(module):
        yield from _of_code(fn.__code__, fn.__globals__, label)


def _of_code(code: types.CodeType, variables: dict[str, Any], label: str) -> _Parts:
    """Global variables that code names, and attributes of the user's modules."""
    if "print" in code.co_names and "print" not in variables:
        raise Unwatchable(f"{label} prints")
    for variable in code.co_names:
        value = variables.get(variable, _MISSING)
        if value is _MISSING or _is_fixed(value):
            continue
        yield _Entry(variables, variable, value, Found(f"{variable} of {label}", False))
        if isinstance(value, types.ModuleType):
            for attribute in code.co_names:
                found = vars(value).get(attribute, _MISSING)
                if found is not _MISSING and not _is_fixed(found):
                    where = Found(f"{variable}.{attribute}", False)
                    yield _Entry(vars(value), attribute, found, where)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _of_code(constant, variables, label)


def _of_method(method: types.MethodType, name: str, own: bool) -> _Parts:
    yield _Part(method.__func__, name, own)
    yield _Part(method.__self__, name, own)


def _of_partial(bound: functools.partial[Any], name: str, own: bool) -> _Parts:
    yield _Part(bound.func, name, own)
    for value in (*bound.args, *bound.keywords.values()):
        yield _Part(value, f"an argument of {name}", own)


def _of_list(items: Any, name: str, own: bool) -> _Parts:
    yield _Items(items, tuple(items), Found(name, own))


def _of_dict(items: Mapping[Any, Any], name: str, own: bool) -> _Parts:
    yield _Items(items, len(items), Found(name, own))
    for key, value in items.items():
        yield _Entry(items, key, value, Found(f"{name}[{key!r}]", own))


def _of_nothing(value: Any, name: str, own: bool) -> _Parts:
    return iter(())


def _of_object(value: Any, name: str, own: bool) -> _Parts:
    """The attributes of a module, of a handler, of an object of the user's."""
    seen = isinstance(value, nn.Module | Messenger) or not _is_library(type(value).__module__)
    return _of_root(value, name, own) if seen else iter(())


def _of_root(value: Any, name: str, _: bool) -> _Parts:
    kind, label = type(value), type(value).__name__
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict):
        return
    own = _is_own(kind.__module__)
    yield _Items(attributes, len(attributes), Found(f"the attributes of a {label}", own))
    is_module = isinstance(value, nn.Module)
    for key in _HOOKS if is_module else ():
        if attributes[key]:
            raise Unwatchable(f"{label} has hooks")
        yield _Items(attributes[key], 0, Found(f"{label}.{key}", False))
    for key, found in attributes.items():
        if not (is_module and key in _OF_TORCH) and not (own and _is_private(key)):
            yield _Entry(attributes, key, found, Found(f"{label}.{key}", own))
    yield from _of_class(kind, label)


def _is_private(key: str) -> bool:
    """Whether an attribute of this library's is nobody else's business."""
    return key.startswith("_") and key not in ("_parameters", "_buffers", "_modules")


def _of_class(kind: type, label: str) -> _Parts:
    """Attributes that objects share, and what their methods name."""
    for base in kind.__mro__:
        if _is_library(base.__module__):
            continue
        for key, value in vars(base).items():
            function = getattr(value, "__func__", value)
            if isinstance(function, types.FunctionType):
                yield _Part(function, f"{label}.{key}", False)
            elif type(value) in _PLAIN and not key.startswith("__"):
                yield _Entry(vars(base), key, value, Found(f"{label}.{key}", False))


_PARTS: tuple[tuple[type | tuple[type, ...], Any], ...] = (
    (types.FunctionType, _of_function),
    (types.MethodType, _of_method),
    (functools.partial, _of_partial),
    ((list, tuple, set, frozenset), _of_list),
    (dict, _of_dict),
    ((type, types.ModuleType, types.BuiltinFunctionType), _of_nothing),
)


# ---------------------------------------------------------------- whose code


def of_torch(roots: Mapping[str, Any]) -> str | None:
    """Which part of programs ``torch.compile`` has compiled; None if there is none."""
    if "torch._dynamo" not in sys.modules:
        return None
    try:
        Watch(roots)
    except CompiledByTorch as error:
        return str(error)
    except Unwatchable:
        return None
    return None


def _is_compiled_by_torch(value: Any) -> bool:
    attributes = getattr(value, "__dict__", None)
    return isinstance(attributes, dict) and (
        "_torchdynamo_orig_callable" in attributes
        or attributes.get("_compiled_call_impl") is not None
        or ("dynamo_ctx" in attributes and isinstance(value, nn.Module))
    )


def _is_fixed(value: Any) -> bool:
    """What nobody rebinds: libraries, their classes and functions."""
    if isinstance(value, types.ModuleType):
        return _is_library(value.__name__)
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return _is_library(value.__module__)
    return False


def _is_own(module: str | None) -> bool:
    return module is not None and (module == "pyro" or module.startswith("pyro."))


@functools.cache
def _is_library(module: str | None) -> bool:
    """Whether a module is not the user's: of the standard library, installed, or this one."""
    if module is None:  # code of a string
        return False
    if _is_own(module):
        return True
    if module == "__main__":
        return False
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("torch", "numpy"):
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return False
    folders = set(Path(file).parts)
    installed = bool(folders & {"site-packages", "dist-packages"})
    return installed or file.startswith(sysconfig.get_path("stdlib"))
