"""A dispatch mode that runs a program once and writes down what depends on its inputs."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pyro.collector import collector_paused
from pyro.compile import views
from pyro.compile.callout import CallOut, Slot
from pyro.compile.capture.memory import Memories, check_place
from pyro.compile.capture.narrow import wrapped
from pyro.compile.capture.operation import Operation, operation
from pyro.compile.capture.sharing import Sharing
from pyro.compile.capture.streams import Streams
from pyro.compile.draws.rules import rule_of
from pyro.compile.graph import DTYPE_KIND, Graph
from pyro.compile.guard import Guard
from pyro.compile.ir import Kind, Op, Routine, View, contiguous
from pyro.compile.not_capturable import (
    NotCapturable,
    RandomDraw,
    in_library,
    not_capturable,
    user_line,
)
from pyro.compile.table.context import Context, Meta, NoRow, Row
from pyro.logger import log

_TAKES_IN = frozenset({"aten::lift_fresh", "aten::lift"})  # of what was made without a trace


class Recorder(TorchDispatchMode):
    """While it is entered, torch runs as ever, and the graph grows.

    Operations on tensors that do not depend on an input leave no trace: their results are
    constants. :raises NotCapturable: if control flow or a shape depends on an input, or random
    numbers are drawn without :meth:`draw_from`.

    :ivar torch_draws: whether an operation, called out, draws from torch's generator.
    :ivar touched: ``file:line`` of the first write into a tensor that was there before.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = graph
        self._streams: Streams | None = None
        self.memories = Memories(graph)
        self.calls: list[CallOut] = []
        self.guards: list[Guard] = []
        self.recorded = 0
        self.torch_draws = False
        self.touched: str | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the default imports torch._dynamo: a second

    def input(self, position: int, tensor: Tensor) -> None:
        """Declare an input."""
        check_place(tensor)
        view = self.graph.input(position, tuple(tensor.shape), DTYPE_KIND[tensor.dtype])
        self.memories.add(tensor, view, is_input=True)

    def slice_of(self, tensor: Tensor, source: Tensor, offset: int) -> None:
        """Declare that a tensor holds what an input has from ``offset`` on."""
        shape = tuple(tensor.shape)
        view = views.of_whole(self.view(source), shape, contiguous(shape), offset)
        self.memories.add(tensor, view, is_input=True)

    def draw_from(self, key: View) -> None:
        """Take random numbers from a key."""
        self._streams = Streams(self.memories, key)

    def end(self) -> None:
        """The program has run."""
        if self._streams is not None:
            self._streams.end()

    def view(self, tensor: Tensor) -> View:
        """What a tensor is in the graph."""
        found = self.memories.find(tensor)
        return self.memories.constant(tensor.detach()) if found is None else found

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        op = operation(func)
        tensors = list(_tensors(args))
        if kwargs:
            tensors.extend(_tensors(kwargs.values()))
        find = self.memories.find
        others = [t for t in tensors if find(t) is None]
        depends = len(others) < len(tensors)
        for t in others:
            self.memories.note_read(t)
        if op.random and (not depends or rule_of(func, kwargs) is not None):
            return self._draw(op, args, kwargs)
        if not depends:
            return self._run(op, args, kwargs)
        self.torch_draws |= op.random
        if op.refuses:
            return self._refuse(op, args)
        if op.writes:
            return self._write(op, args, kwargs)
        return self._record(op, args, kwargs)

    def _run(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation that does not depend on the inputs."""
        for t in op.written(args, kwargs):
            self._note_write(t)
            self.memories.settle_constant(t)
        result = op.func(*args, **kwargs)
        if not op.aliases or op.name in _TAKES_IN:
            self.memories.note_birth(_tensors((result,)))
        return result

    def _note_write(self, tensor: Tensor) -> None:
        if self.touched is None and not self.memories.is_born_inside(tensor):
            self.touched = user_line(sys._getframe(1))

    def _draw(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A random operation: a function of the noise, or torch draws in the middle of the code."""
        if self._streams is None:
            raise RandomDraw(f"{op.name} draws random numbers", user_line(sys._getframe(1)))
        rule = rule_of(op.func, kwargs)
        if rule is not None:
            with self:
                return rule(self._streams.take, *args, **kwargs)
        if op.writes:
            raise not_capturable(f"{op.name} draws random numbers")
        self.torch_draws = True
        return self._call_out(op, args, kwargs)

    def _record(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if op.row is None and (not op.aliases or op.composite):
            if op.decomposition is not None:
                with self:
                    return op.decomposition(*args, **kwargs)
            return self._call_out(op, args, kwargs)
        result = op.func(*args, **kwargs)
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        made = [o for o in outputs if isinstance(o, Tensor)]
        if len(made) == len(outputs) and all(map(self.memories.aliases, made)):
            return result
        if op.row is None:
            raise not_capturable(f"{op.name} makes a view that changes the type of elements")
        metas = tuple([_meta(o) for o in made])
        try:
            found = self._lowered(op.row, metas, args, kwargs)
        except NotCapturable:
            raise
        except Exception as error:  # the row has no answer for these arguments, but torch has
            log.debug("%s is called out: %r", op.name, error)
            return self._call_out(op, args, kwargs)
        self.recorded += 1
        for tensor, view in zip(made, found, strict=True):
            if view is not None:
                self.memories.add(tensor, view)
        return result

    def _lowered(
        self, row: Row, metas: tuple[Meta, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[View | None]:
        """What a row makes of a call, in the shapes and kinds of torch's results."""
        if all(0 in meta.shape for meta in metas):
            return [self.graph.full(meta.shape, 0, meta.kind) for meta in metas]
        given = [self.view(x) if isinstance(x, Tensor) else self._lower(x) for x in args]
        named = self._lower(kwargs)
        if self.graph.rounding is not None and metas[0].dtype is torch.float32:
            given, named = self.graph.rounding.arguments(given, named)
        lowered = row(Context(self.graph, metas), *given, **named)
        views_made = (lowered,) if isinstance(lowered, View) else lowered
        found: list[View | None] = []
        for view, meta in zip(views_made, metas, strict=True):
            if view is not None and view.shape != meta.shape:
                raise NoRow(f"a row returned shape {view.shape} for {meta.shape}")
            cast = None if view is None else self.graph.cast(view, meta.kind)
            found.append(None if cast is None else wrapped(self.graph, cast, meta.dtype))
        return found

    def _refuse(self, op: Operation, args: tuple[Any, ...]) -> Any:
        """What needs a tensor's value: only the code of a library may ask for a truth value."""
        if op.name == "aten::_local_scalar_dense":
            view = self.view(args[0])
            if view.node.op is Op.LITERAL:
                return op.func(*args)
            if view.kind is Kind.B and in_library():
                expected: bool = op.func(*args)
                self.guards.append(Guard(view, expected, user_line(sys._getframe())))
                return expected
        raise not_capturable(op.refuses or "")

    def _call_out(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Torch will execute the operation, on arrays of the machine code."""
        result = op.func(*args, **kwargs)
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        if not all(isinstance(o, Tensor) for o in outputs):
            raise not_capturable(f"{op.name} returns what is no tensor")
        inputs: list[View] = []

        def slot(x: Any) -> Any:
            if isinstance(x, Tensor) and (view := self.memories.find(x)) is not None:
                inputs.append(view)
                return Slot.of(x, view.kind)
            return [slot(y) for y in x] if isinstance(x, (tuple, list)) else x

        given = tuple(slot(x) for x in args)
        named = {k: slot(x) for k, x in kwargs.items()}
        metas = [_meta(o) for o in outputs]
        results = tuple(Slot(m.shape, m.kind, m.dtype) for m in metas)
        call = CallOut(op.name, op.func, given, named, results)
        self.calls.append(call)
        self.recorded += 1
        sizes = tuple(math.prod(m.shape) for m in metas)
        routine = Routine("torch", (call,), sizes, tuple(m.kind for m in metas))
        for tensor, meta, view in zip(
            outputs, metas, self.graph.call(routine, *inputs), strict=True
        ):
            self.memories.add(tensor, self.graph.reshape(view, meta.shape))
        return result

    def _write(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """In-place operations: the functional operation, then a copy."""
        targets = op.written(args, kwargs)
        for t in targets:
            self._note_write(t)
        if op.name == "aten::copy_":
            target, source = args[0], args[1]
            view = self.graph.cast(self.view(source), DTYPE_KIND[target.dtype])
            if source.dtype is not target.dtype:
                view = wrapped(self.graph, view, target.dtype)
            self.memories.write(target, views.expand(view, tuple(target.shape)))
            return op.func(*args, **kwargs)
        if op.reshapes:
            self.memories.forget(args[0])
            return op.func(*args, **kwargs)
        if op.functional is None:
            raise not_capturable(f"{op.name} has no functional form")
        with self:
            result = op.functional(*args, **{k: v for k, v in kwargs.items() if k not in op.outs})
            values = result if isinstance(result, tuple) else (result,)
            for target, value in zip(targets, values, strict=False):
                target.copy_(value)
        return targets[0] if len(targets) == 1 else tuple(targets)

    def _lower(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            return self.view(x)
        if isinstance(x, (tuple, list)):
            return [self._lower(y) for y in x]
        if isinstance(x, dict):
            return {k: self._lower(y) for k, y in x.items()}
        return x


def _tensors(arguments: Iterable[Any]) -> Iterable[Tensor]:
    for x in arguments:
        if isinstance(x, Tensor):
            yield x
        elif isinstance(x, (tuple, list)):
            yield from _tensors(x)


def _meta(tensor: Tensor) -> Meta:
    kind = DTYPE_KIND.get(tensor.dtype)
    if kind is None:
        raise not_capturable(f"there are elements of type {tensor.dtype}")
    return Meta(tuple(tensor.shape), kind, tensor.dtype)


def record(
    fn: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    graph: Graph,
    draws: bool = False,
) -> tuple[Recorder, Any]:
    """Run ``fn`` on the inputs in a recorder; both are returned, with what ``fn`` returned.

    A program that writes into a tensor that was shared runs once more, without sharing.

    :param draws: whether ``fn`` draws random numbers; their key is one input more.
    """
    recorder, result = _shared_if_sound(partial(_recorded, fn, inputs, graph, draws), graph)
    if any(recorder.memories.was_written(t) for t in inputs):
        raise NotCapturable("the function writes into an input", "its end")
    if recorder.touched is not None:
        raise NotCapturable("the function changes a tensor that it has not made", recorder.touched)
    return recorder, result


def _shared_if_sound(
    attempt: Callable[[AbstractContextManager[Any]], tuple[Recorder, Any]], graph: Graph
) -> tuple[Recorder, Any]:
    """Record with sharing; without, if that has led to a write into what was shared."""
    sharing = Sharing()
    try:
        found = attempt(sharing)
    except Exception:  # autograd may have met the write
        if not sharing.spoilt:
            raise
    else:
        if not sharing.spoilt:
            return found
    graph.clear()
    return attempt(nullcontext())


def _recorded(
    fn: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    graph: Graph,
    draws: bool,
    sharing: AbstractContextManager[Any],
) -> tuple[Recorder, Any]:
    recorder = Recorder(graph)
    for position, tensor in enumerate(inputs):
        recorder.input(position, tensor)
    if draws:
        recorder.draw_from(graph.input(len(inputs), (3,), Kind.F))
    return recorder, _run(recorder, sharing, partial(fn, *inputs))


def record_step(
    fn: Callable[[], Any],
    state: Sequence[Tensor],
    inputs: Sequence[Tensor],
    slices: Iterable[tuple[Tensor, int, int]],
    graph: Graph,
) -> tuple[Recorder, Any]:
    """Run ``fn``, which reads these very tensors, in a recorder.

    A step that writes into a tensor that was shared runs once more, without sharing.

    :param state: arrays; the first is the key of random numbers.
    :param slices: tensors that hold a part of an array: which, and from where on.
    :raises NotCapturable: if ``fn`` writes into a tensor that it has not made.
    """
    parts = tuple(slices)
    attempt = partial(_recorded_step, fn, state, inputs, parts, graph)
    recorder, result = _shared_if_sound(attempt, graph)
    if recorder.touched is not None:
        raise NotCapturable("the step changes a tensor that it has not made", recorder.touched)
    return recorder, result


def _recorded_step(
    fn: Callable[[], Any],
    state: Sequence[Tensor],
    inputs: Sequence[Tensor],
    slices: Iterable[tuple[Tensor, int, int]],
    graph: Graph,
    sharing: AbstractContextManager[Any],
) -> tuple[Recorder, Any]:
    recorder = Recorder(graph)
    for position, tensor in enumerate((*state, *inputs)):
        recorder.input(position, tensor)
    for tensor, array, offset in slices:
        recorder.slice_of(tensor, state[array], offset)
    recorder.draw_from(recorder.view(state[0]))
    return recorder, _run(recorder, sharing, fn)


def _run(recorder: Recorder, sharing: AbstractContextManager[Any], fn: Callable[[], Any]) -> Any:
    with collector_paused(), recorder, sharing, torch.enable_grad():
        result = fn()
    recorder.end()
    return result
