"""The same operation on the same tensors is one operation, also for autograd."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pyro.compile.pure_functions import PURE

_PLAIN = frozenset({int, bool, str, type(None), type(...), torch.dtype, torch.device, torch.Size})
_TENSORS = frozenset({Tensor, nn.Parameter})


class _Known(NamedTuple):
    """A result, its tensors with their versions, and the arguments, which keep their identity."""

    result: Any
    tensors: tuple[Tensor, ...]
    versions: list[int]
    arguments: Any

    def is_as_it_was(self) -> bool:
        """Whether no tensor of the result has been written into."""
        return [t._version for t in self.tensors] == self.versions


class Sharing(TorchFunctionMode):
    """While it is entered, a pure operation that is repeated gives the tensor that it gave before.

    A loop over time that indexes the same table at each step indexes it once, and one gradient
    flows back. :attr:`spoilt` tells whether a tensor that was given twice has been written into.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Hashable, _Known] = {}
        self._given: dict[Hashable, _Known] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func not in PURE:
            return func(*args, **kwargs) if kwargs else func(*args)
        try:
            named = tuple((k, _key(v)) for k, v in kwargs.items()) if kwargs else ()
            key = (func, torch.is_grad_enabled(), named, *map(_key, args))
        except _NoKeyError:
            return func(*args, **(kwargs or {}))
        known = self._known.get(key)
        if known is not None and known.is_as_it_was():
            self._given[key] = known
            return known.result
        result = func(*args, **(kwargs or {}))
        parts = result if isinstance(result, tuple) else (result,)
        if all(type(t) in _TENSORS and not t.is_inference() for t in parts):
            versions = [t._version for t in parts]
            self._known[key] = _Known(result, parts, versions, (args, kwargs))
        return result

    @property
    def spoilt(self) -> bool:
        """Whether a tensor that was given twice has been written into since."""
        return not all(known.is_as_it_was() for known in self._given.values())


class _NoKeyError(Exception):
    """An argument that cannot be compared."""


def _key(x: Any) -> Hashable:
    """Equal for arguments with which an operation does the same."""
    kind = type(x)
    if kind in _TENSORS:
        if x.is_inference():  # writes are not counted
            raise _NoKeyError
        return kind, id(x), x._version, x.requires_grad
    if kind in _PLAIN:
        return kind, x
    if kind is float:
        return float, x.hex()
    if kind is tuple or kind is list:
        return kind, *map(_key, x)
    if kind is slice:
        return slice, _key(x.start), _key(x.stop), _key(x.step)
    raise _NoKeyError
