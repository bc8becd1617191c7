"""A program as the operations of torch that it makes, to be repeated without Python around them."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import TensorWeakRef, WeakTensorKeyDictionary

from pyro.compile.capture.memory import storage_of, whole_storage
from pyro.compile.capture.operation import Operation, operation
from pyro.compile.not_capturable import NotCapturable, in_library, not_capturable, user_line

_INDEXING = frozenset(
    {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
)
_NORMALISATIONS = frozenset(
    {"aten::native_batch_norm", "aten::cudnn_batch_norm", "aten::miopen_batch_norm"}
)
_TAKES_IN = frozenset({"aten::lift_fresh", "aten::lift"})  # of what was made without a trace


class TorchGraph(NamedTuple):
    """What :func:`record_graph` has found.

    :param module: Takes the inputs, and returns the outputs as a tuple.
    :param changed: Tensors of others that it writes into, such as running statistics.
    :param elsewhere: The first operation on another device than that of the first input.
    """

    module: fx.GraphModule
    changed: list[Tensor]
    elsewhere: str | None


class _Guard(NamedTuple):
    """A branch of a library: the truth value that it asked for, and what that was."""

    value: Tensor
    expected: bool


@final
class _Recorder(TorchDispatchMode):
    """While it is entered, torch runs as ever, and the graph grows.

    Operations that depend neither on an input nor on random numbers leave no trace: their results
    are constants. Memory is what it is in torch: writes stay writes, views stay views.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = fx.Graph()
        self.constants: dict[str, Tensor] = {}
        self.guards: list[_Guard] = []
        self.changed: list[tuple[Tensor, Tensor]] = []  # with what they held before
        self.elsewhere: str | None = None
        self._device = inputs[0].device if inputs else torch.device("cpu")
        self._nodes = WeakTensorKeyDictionary()
        self._owners: dict[int, TensorWeakRef] = {}
        self._bases: dict[int, tuple[Tensor, fx.Node]] = {}
        self._born: set[int] = set()
        self._read: set[int] = set()
        self._inputs = {storage_of(x) for x in inputs}
        self._held = list(inputs)
        for k, x in enumerate(inputs):
            self._know(x, self.graph.placeholder(f"input_{k}"))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the default imports torch._dynamo: a second

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        op = operation(func)
        tensors = _tensors((args, kwargs))
        depends = op.random or any(self._find(x) is not None for x in tensors)
        if depends and op.refuses:
            return self._refuse(op, args)
        for x in [*op.written(args, kwargs), *_statistics(op, args)]:
            depends = self._prepare_write(x, depends) or depends
        if not depends:
            return self._fold(op, args, kwargs, tensors)
        if op.name in _INDEXING:
            args = self._by_position(op, args)
        return self._record(op, args, kwargs)

    def _fold(
        self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> Any:
        """An operation on constants."""
        self._read.update(s for x in tensors if (s := storage_of(x)) not in self._born)
        result = op.func(*args, **kwargs)
        if not op.aliases or op.name in _TAKES_IN:
            self._born.update(map(storage_of, _tensors(result)))
        return result

    def _prepare_write(self, x: Tensor, depends: bool) -> bool:
        """Before a write into a tensor; whether it must be in the graph."""
        key = storage_of(x)
        if key in self._inputs:
            raise not_capturable("a step writes into a parameter or an argument")
        if self._find(x) is not None:
            return True
        if key in self._born:
            if depends:
                self._rebase(x, key, fresh=True)
            else:
                self._keep_constants(key)
            return depends
        if key in self._read:
            raise not_capturable("a step reads and changes a tensor that is no parameter")
        self._rebase(x, key, fresh=False)
        return True

    def _rebase(self, x: Tensor, key: int, fresh: bool) -> None:
        """From now on a storage is one of the graph; a fresh one begins as it is now."""
        whole = whole_storage(x)
        if fresh:
            start = self._constant(whole.clone())
            node = self.graph.call_function(torch.ops.aten.clone.default, (start,))
        else:
            self.changed.append((whole, whole.clone()))
            node = self._constant(whole)
        self._bases[key] = whole, node

    def _keep_constants(self, key: int) -> None:
        """Before a write into a constant: what has been read of it stays what it was."""
        for name, held in self.constants.items():
            if storage_of(held) == key:
                self.constants[name] = held.clone()
                self._nodes.pop(held, None)

    def _record(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given, named = self._lower(args), self._lower(kwargs)
        result = op.func(*args, **kwargs)
        node = self.graph.call_function(op.func, given, named)
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        for k, x in enumerate(outputs):
            if not isinstance(x, Tensor) or self._find(x, by_storage=bool(op.writes)) is not None:
                continue
            part = node
            if outputs is result:
                part = self.graph.call_function(operator.getitem, (node, k))
            self._know(x, part)
            if x.device != self._device and self.elsewhere is None:
                self.elsewhere = f"{op.name} runs on {x.device}, at {user_line(sys._getframe(1))}"
        return result

    def _by_position(self, op: Operation, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Positions instead of constant masks, whose number a GPU would have to wait for.

        :raises NotCapturable: if the shape of a result depends on a mask.
        """
        indices: list[Tensor | None] = []
        for index in args[1]:
            is_mask = index is not None and index.dtype in (torch.bool, torch.uint8)
            if is_mask and self._find(index) is None:
                indices.extend(index.nonzero(as_tuple=True))
            elif is_mask and op.name == "aten::index":
                raise not_capturable("a shape depends on the value of an input")
            else:
                indices.append(index)
        return (args[0], indices, *args[2:])

    def _refuse(self, op: Operation, args: tuple[Any, ...]) -> Any:
        """What needs a tensor's value: only the code of a library may ask for a truth value."""
        if op.name == "aten::_local_scalar_dense" and args[0].dtype is torch.bool and in_library():
            expected: bool = op.func(*args)
            self.guards.append(_Guard(args[0], expected))
            return expected
        raise not_capturable(op.refuses or "")

    # ------------------------------------------------------------ tensors and nodes

    def _know(self, x: Tensor, node: fx.Node) -> None:
        self._nodes[x] = node
        self._owners[storage_of(x)] = TensorWeakRef(x)

    def _find(self, x: Tensor, by_storage: bool = True) -> fx.Node | None:
        """The node of a tensor; None if it is a constant."""
        node: fx.Node | None = self._nodes.get(x)
        if node is not None and node.op != "get_attr":
            return node
        key = storage_of(x)
        base = self._bases.get(key)
        if base is not None:
            return self._part(x, *base)
        if not by_storage:
            return None
        ref = self._owners.get(key)
        owner = None if ref is None else ref()
        if owner is None or storage_of(owner) != key:
            return None
        if owner.dtype is not x.dtype:
            raise not_capturable("the bits of a tensor are read as another type")
        return self._part(x, owner, self._nodes[owner])

    def _part(self, x: Tensor, whole: Tensor, node: fx.Node) -> fx.Node:
        """Another view of the memory of a node."""
        shape = (list(x.shape), list(x.stride()), int(x.storage_offset()))
        made = self.graph.call_function(torch.ops.aten.as_strided.default, (node, *shape))
        self._nodes[x] = made
        return made

    def _constant(self, x: Tensor) -> fx.Node:
        known: fx.Node | None = self._nodes.get(x)
        if known is None:
            name = f"constant_{len(self.constants)}"
            self.constants[name] = x
            known = self._nodes[x] = self.graph.get_attr(name)
        return known

    def _lower(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            node = self._find(x)
            return self._constant(x) if node is None else node
        if isinstance(x, (tuple, list)):
            return type(x)(map(self._lower, x))
        if isinstance(x, dict):
            return {k: self._lower(y) for k, y in x.items()}
        if isinstance(x, torch.Generator):
            raise not_capturable("random numbers come from a generator of the program's own")
        return x

    def finish(self, outputs: Sequence[Tensor]) -> TorchGraph:
        """The graph, with its outputs."""
        self.graph.output(tuple(self._lower(list(outputs))))
        self.graph.eliminate_dead_code(_has_effect)
        names = {node.target for node in self.graph.nodes if node.op == "get_attr"}
        root = {name: x for name, x in self.constants.items() if name in names}
        module = fx.GraphModule(_Constants(root), self.graph)
        return TorchGraph(module, [x for x, _ in self.changed], self.elsewhere)


class _Constants(torch.nn.Module):
    """Holds tensors, which stay where they are."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, x in tensors.items():
            self.register_buffer(name, x.detach())


def _has_effect(node: fx.Node) -> bool:
    if node.op in ("placeholder", "output"):
        return True
    if node.op != "call_function" or node.target is operator.getitem:
        return False
    op = operation(node.target)
    return op.random or bool(op.writes)


def _statistics(op: Operation, args: tuple[Any, ...]) -> list[Tensor]:
    """Running averages that a normalisation writes into, though its schema does not say so."""
    if op.name not in _NORMALISATIONS:
        return []
    given = dict(zip((a.name for a in op.func._schema.arguments), args, strict=False))
    found = (given.get(name) for name in ("running_mean", "running_var"))
    return [x for x in found if isinstance(x, Tensor)] if given["training"] else []


def _tensors(x: Any) -> list[Tensor]:
    if isinstance(x, Tensor):
        return [x]
    if isinstance(x, dict):
        x = x.values()
    elif not isinstance(x, (tuple, list)):
        return []
    return [found for y in x for found in _tensors(y)]


Program = Callable[[], tuple[Sequence[Tensor], Tensor]]


def record_graph(program: Program, inputs: Sequence[Tensor]) -> TorchGraph:
    """Run a program once, and have what torch did as a graph.

    The graph does the same operations in the same order, so it draws the same random numbers from
    torch's generators, and its results are the same bit for bit. What the program itself writes
    into tensors of others is undone.

    :param program: Reads these very inputs, and returns outputs and a truth value, a tensor. The
        graph's last output is that value, and false where a branch of this library that the
        program took is not to be taken.
    :raises NotCapturable: if control flow or a shape depends on an input or on random numbers.

    Example::

        >>> from pyro.compile.torch_graph import record_graph
        >>> x = torch.tensor([1.0, 2.0])
        >>> def program():
        ...     table = torch.arange(2.0).exp()  # a constant
        ...     y = x * table
        ...     return [y], y.isfinite().all()
        >>> graph = record_graph(program, [x])
        >>> [node.target for node in graph.module.graph.nodes if node.op == "call_function"][0]
        <OpOverload(op='aten.mul', overload='Tensor')>
        >>> y, fine = graph.module(torch.tensor([3.0, 1.0]))
        >>> y.tolist(), fine.item()
        ([3.0, 2.7182817459106445], True)
    """
    recorder = _Recorder(inputs)
    try:
        with recorder, torch.enable_grad():
            outputs, fine = program()
            for value, expected in recorder.guards:
                taken = value if expected else ~value
                fine = fine & taken.to(fine.device)
        return recorder.finish([*outputs, fine])
    finally:
        with torch.no_grad():
            for x, before in recorder.changed:
                x.copy_(before)


__all__ = ["NotCapturable", "TorchGraph", "record_graph"]
