"""What the storages of torch hold, in terms of the graph: views alias, writes are seen by all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.compile import views
from pyro.compile.graph import DTYPE_KIND, Graph
from pyro.compile.ir import View, contiguous
from pyro.compile.not_capturable import not_capturable
from pyro.compile.surroundings import Surroundings

LONG = 64
"""An array so many times as long as a part of it is the constant, and the part a view of it."""


@dataclass(slots=True)
class Memory:
    """One storage that depends on the inputs.

    :param owner: a tensor that covers the storage; it keeps the storage alive.
    :param value: what ``owner`` is.
    """

    owner: Tensor
    value: View
    version: int = 0
    flat: View | None = field(default=None)  # the elements in the order of the storage
    is_input: bool = False


class Known(NamedTuple):
    """A tensor whose view was computed when its memory had the given version."""

    tensor: Tensor
    view: View
    version: int
    memory: Memory


class Memories:
    """Tensors that depend on the inputs, found by identity, or else by their storage."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._tensors: dict[int, Known] = {}
        self._storages: dict[int, Memory] = {}
        self._arrays: dict[tuple[Any, ...], tuple[Tensor, View]] = {}
        self._constants: dict[int, tuple[Tensor, View]] = {}
        self._born: set[int] = set()
        self.surroundings = Surroundings()

    def find(self, tensor: Tensor) -> View | None:
        """The view of a tensor; None if the tensor does not depend on the inputs."""
        known = self._tensors.get(id(tensor))
        if known is not None and known.version == known.memory.version:
            return known.view
        memory = self._storages.get(storage_of(tensor))
        if memory is None:
            return None
        if tensor.dtype is not memory.owner.dtype:
            raise not_capturable("the bits of a tensor are read as another type")
        view = self.graph.as_strided(
            self._flat(memory), tuple(tensor.shape), tensor.stride(), int(tensor.storage_offset())
        )
        self._tensors[id(tensor)] = Known(tensor, view, memory.version, memory)
        return view

    def constant(self, tensor: Tensor) -> View:
        """The view of a tensor that does not depend on the inputs."""
        known = self._constants.get(id(tensor))
        if known is None:
            self._constants[id(tensor)] = known = (tensor, self._new_constant(tensor))
        return known[1]

    def _new_constant(self, tensor: Tensor) -> View:
        """Transposes of one array, and small parts of long ones, are views of one constant."""
        check_place(tensor)
        strides = tensor.stride()
        size = tensor.untyped_storage().nbytes() // tensor.element_size()
        if size >= max(LONG, LONG * tensor.numel()) and not self.is_born_inside(tensor):
            whole = self._shared_constant(whole_storage(tensor))
            return self.graph.as_strided(
                whole, tuple(tensor.shape), strides, int(tensor.storage_offset())
            )
        order = sorted(range(tensor.dim()), key=lambda d: (-strides[d], d))
        ordered = tensor.permute(order)
        if not ordered.is_contiguous() or order == list(range(tensor.dim())):
            return self._shared_constant(tensor)
        back = sorted(range(tensor.dim()), key=order.__getitem__)
        return views.permute(self._shared_constant(ordered), back)

    def _shared_constant(self, tensor: Tensor) -> View:
        if not tensor.is_contiguous():
            return self.graph.constant(tensor)
        key = (tensor.data_ptr(), tensor.numel(), tensor.dtype, tensor._version)
        known = self._arrays.get(key)
        if known is None:
            self._arrays[key] = known = (tensor, self.graph.constant(tensor))
        if tensor.shape == known[0].shape:
            return known[1]
        return self.graph.as_strided(
            known[1], tuple(tensor.shape), contiguous(tuple(tensor.shape)), 0
        )

    def add(self, tensor: Tensor, view: View, is_input: bool = False) -> None:
        """A new tensor, in a storage of its own unless that is known already."""
        key = storage_of(tensor)
        memory = self._storages.get(key)
        if memory is None:
            memory = self._storages[key] = Memory(tensor, view, is_input=is_input)
        self._tensors[id(tensor)] = Known(tensor, view, memory.version, memory)

    def note_birth(self, tensors: Iterable[Tensor]) -> None:
        """Tensors that came into being while the program ran."""
        self._born.update(map(storage_of, tensors))

    def note_read(self, tensor: Tensor) -> None:
        """A tensor that does not depend on the inputs is read."""
        key = storage_of(tensor)
        if key not in self._born:
            self.surroundings.note(tensor, key)

    def is_born_inside(self, tensor: Tensor) -> bool:
        """Whether a storage came into being while the program ran."""
        key = storage_of(tensor)
        memory = self._storages.get(key)
        return key in self._born if memory is None else not memory.is_input

    def forget(self, tensor: Tensor) -> None:
        """The tensor will be another view of its storage; to be called before it is."""
        memory = self._storages.get(storage_of(tensor))
        if memory is not None:
            self._flat(memory)  # as long as its owner is as it was
        self._tensors.pop(id(tensor), None)

    def was_written(self, tensor: Tensor) -> bool:
        """Whether the elements of the storage of an input have changed."""
        return self._storages[storage_of(tensor)].version > 0

    def aliases(self, tensor: Tensor) -> bool:
        """Whether the storage of a tensor depends on the inputs."""
        return storage_of(tensor) in self._storages

    def write(self, tensor: Tensor, value: View) -> None:
        """``tensor`` now holds ``value``; to be called before torch writes."""
        key = storage_of(tensor)
        memory = self._storages.get(key)
        if memory is None:
            whole = whole_storage(tensor).clone()
            memory = self._storages[key] = Memory(tensor, self.graph.constant(whole))
            memory.flat = memory.value
        memory.flat = self.graph.update(
            self._flat(memory), "set", tensor.stride(), int(tensor.storage_offset()), value
        )
        memory.version += 1
        self._tensors[id(tensor)] = Known(tensor, value, memory.version, memory)

    def settle_constant(self, tensor: Tensor) -> None:
        """Before torch writes into a tensor that is no input: constants keep their old elements."""
        key = storage_of(tensor)
        for known, _ in list(self._constants.values()):
            if storage_of(known) == key:
                self._constants.pop(id(known))

    def _flat(self, memory: Memory) -> View:
        if memory.flat is None:
            memory.flat = _storage_order(self.graph, memory.owner, memory.value)
        return memory.flat


def check_place(tensor: Tensor) -> None:
    """Machine code is for the CPU.

    :raises NotCapturable: if a tensor is elsewhere.
    """
    if tensor.device.type != "cpu":
        raise not_capturable(f"a tensor is on {tensor.device}")


def storage_of(tensor: Tensor) -> int:
    """What tells storages apart, while they live.

    :raises NotCapturable: if the tensor has none.
    """
    try:
        key: int = tensor.untyped_storage()._cdata
    except NotImplementedError:
        raise not_capturable(f"a tensor has no storage: its layout is {tensor.layout}") from None
    return key


def whole_storage(tensor: Tensor) -> Tensor:
    """All elements in the storage of a tensor, as a vector."""
    n = tensor.untyped_storage().nbytes() // tensor.element_size()
    return torch.as_strided(tensor.detach(), (n,), (1,), 0)


def _storage_order(graph: Graph, tensor: Tensor, value: View) -> View:
    """The elements of the storage of ``tensor``, which holds ``value``."""
    strides = tensor.stride()
    order = sorted(range(tensor.dim()), key=lambda d: (-strides[d], d))
    ordered = views.permute(value, order)
    n = tensor.untyped_storage().nbytes() // tensor.element_size()
    dense = all(
        size == 1 or strides[d] == unit
        for d, size, unit in zip(order, ordered.shape, contiguous(ordered.shape), strict=True)
    )
    if dense and value.numel == n:
        return ordered
    base = graph.full((n,), 0, DTYPE_KIND[tensor.dtype])
    return graph.update(base, "set", strides, int(tensor.storage_offset()), value)
