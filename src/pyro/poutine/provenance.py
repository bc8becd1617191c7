"""Which of some marked tensors other tensors were computed from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import get_unwrapped, is_functorch_wrapped_tensor
from torch.overrides import TorchFunctionMode

Names = frozenset[str]

_NOTHING: Names = frozenset()
_LEAVING = frozenset(
    ("__array__", "__bool__", "__complex__", "__contains__", "__float__", "__index__", "__int__")
    + ("allclose", "argwhere", "equal", "is_nonzero", "item", "masked_select", "nonzero", "numpy")
    + ("tolist", "unique", "unique_consecutive")
)
_LIBRARY = ("torch.distributions", "pyro.distributions", "pyro.infer.reparam", "pyro.ops") + (
    "pyro.params",
    "pyro.poutine",
    "pyro.primitives",
)
_WRAPPERS = ("torch._tensor", "torch.overrides", "torch.functional", "torch._jit_internal")


class ProvenanceTracker(TorchFunctionMode):
    """Follow marked tensors through all torch functions that are called in its context.

    What is known belongs to the memory of a tensor: views share it, and writing in place adds to
    it. A view that some tensor selected (``table[z]``) also depends on that one, but the memory
    does not. When the value of a tensor leaves torch (``bool(z)``, ``z.item()``, an index of a
    list), Python's control flow may depend on it, so everything that follows may: such names
    collect in :attr:`control`. Distributions and handlers look at values only to check them, or to
    choose between ways to compute the same; that does not count.

    See Wingate, Goodman, Stuhlmüller and Siskind (2011), *Nonstandard Interpretations of
    Probabilistic Programs for Efficient Inference*, section 4.

    Example::

        >>> from pyro.poutine.provenance import ProvenanceTracker
        >>> z, w = torch.tensor(1.0), torch.tensor(2.0)
        >>> with ProvenanceTracker() as tracker:
        ...     tracker.mark(z, "z")
        ...     x, y = torch.stack([z, w]).exp(), 3 * w
        >>> tracker.of(x), tracker.of(y)
        (frozenset({'z'}), frozenset())
        >>> with tracker:
        ...     if z > 0:
        ...         y = y + 1
        >>> tracker.control
        frozenset({'z'})
    """

    def __init__(self) -> None:
        super().__init__()
        self.control: Names = _NOTHING
        # both hold what their keys identify, so that these stay unique
        self._known: dict[int, tuple[Any, Names]] = {}  # by memory
        self._selected: dict[int, tuple[Tensor, Names]] = {}  # by tensor: what a view was chosen by

    def mark(self, tensor: Tensor, name: str) -> None:
        """Follow a tensor under a name from now on."""
        self._add(tensor, frozenset((name,)))

    def renamed(self, tensor: Tensor, names: Names) -> Tensor:
        """A copy of a tensor that is followed under these names, whatever it was computed from."""
        copied = tensor.clone()
        key, memory = _memory(copied)
        self._known[key] = memory, names
        return copied

    def of(self, tensor: Any) -> Names:
        """The names of the marked tensors that a tensor was computed from."""
        if not isinstance(tensor, Tensor):
            return _NOTHING
        selected = self._selected.get(id(tensor), (None, _NOTHING))[1]
        return self._in_memory(_memory(tensor)[0]) | selected

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not self._known:
            return func(*args, **kwargs)
        inputs = list(_tensors((args, kwargs)))
        sources = _NOTHING.union(*map(self.of, inputs))
        result = func(*args, **kwargs)
        if not sources:
            return result
        name = getattr(func, "__name__", "")
        leaves = name in _LEAVING or (name == "__getitem__" and _is_mask(args[1]))
        if leaves and not self.control >= sources and not _is_called_by_library():
            self.control |= sources
        written = args[0] if result is None and args else result  # __setitem__ returns nothing
        for tensor in _tensors(written):
            self._note(tensor, sources, inputs)
        return result

    def _note(self, tensor: Tensor, names: Names, inputs: list[Tensor]) -> None:
        """Remember what a result was computed from."""
        key = _memory(tensor)[0]
        is_input = any(tensor is given for given in inputs)  # it was written in place
        if is_input or all(key != _memory(given)[0] for given in inputs):
            self._add(tensor, names)
        elif names > self._in_memory(key):
            self._selected[id(tensor)] = tensor, names

    def _add(self, tensor: Tensor, names: Names) -> None:
        key, memory = _memory(tensor)
        self._known[key] = memory, names | self._in_memory(key)

    def _in_memory(self, key: int) -> Names:
        return self._known.get(key, (None, _NOTHING))[1]


def _memory(tensor: Tensor) -> tuple[int, Any]:
    """The memory behind a tensor, with an identifier; a sparse tensor stands for itself."""
    while is_functorch_wrapped_tensor(tensor):  # inside of torch.func.vmap and the like
        tensor = get_unwrapped(tensor)
    if tensor.layout is not torch.strided:
        return id(tensor), tensor
    storage = tensor.untyped_storage()
    return storage._cdata, storage


def _tensors(nested: Any) -> Iterator[Tensor]:
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, tuple | list):
        for element in nested:
            yield from _tensors(element)
    elif isinstance(nested, dict):
        for element in nested.values():
            yield from _tensors(element)


def _is_mask(index: Any) -> bool:
    """Whether the shape of what an index selects depends on the values in it."""
    return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in _tensors(index))


def _is_called_by_library() -> bool:
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_WRAPPERS):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith("<"):  # typed in, or an example
        return False
    return bool(frame.f_globals.get("__name__", "").startswith(_LIBRARY))
