"""The stages from a function to machine code, with the time that each took."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from pyro.compile import gemm
from pyro.compile.cache import Code, Made, code_for, structure
from pyro.compile.callout import CallOut, Slot
from pyro.compile.capture import Recorder, record, record_step
from pyro.compile.draws import Counted, make_key
from pyro.compile.emit import Interface, write_program
from pyro.compile.emit.calls import SYMBOLS
from pyro.compile.emit.driver import Carried, write_driver
from pyro.compile.explain import explain
from pyro.compile.fuse import LEAVES, Fusion, live_nodes
from pyro.compile.graph import DTYPE_KIND, TORCH_DTYPE, Graph
from pyro.compile.guard import Fallback
from pyro.compile.ir import Kind, Node, Op, Routine, View
from pyro.compile.jit import assemble, machine
from pyro.compile.lapack import address_of
from pyro.compile.meanwhile import beside
from pyro.compile.not_capturable import NotCapturable
from pyro.compile.products import with_products
from pyro.compile.report import Report
from pyro.compile.roll import rolled
from pyro.compile.rounding import Rounding
from pyro.compile.schedule import Kernel, Schedule
from pyro.compile.single import (
    Wish,
    joins,
    narrow_constants,
    places_of_single,
    singles,
    wish_for,
    wish_for_step,
)
from pyro.compile.surroundings import Surroundings
from pyro.errors import PyroError
from pyro.interrupts import held_back
from pyro.logger import log

ALIGN = 64
Meanwhile = Callable[[Mapping[str, float]], object]


class CompiledCodeError(PyroError, RuntimeError):
    """Machine code returned an error."""


@final
@dataclass
class Program:
    """Machine code with the constants that it reads, and how it came to be.

    :ivar single: the nodes that may be in single precision, if that was asked for.
    """

    graph: Graph
    nodes: list[Node]
    outputs: tuple[View, ...]
    ends: tuple[View, ...]
    code: Code
    recorded: int
    called_out: tuple[str, ...]
    calls: tuple[CallOut, ...]
    torch_draws: bool
    guards: int
    fallback: Fallback
    surroundings: Surroundings
    single: frozenset[Node] | None
    key: Hashable
    origin: str
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        narrow_constants(self.graph, self.single or frozenset())
        self.fallback.hold_single(*self.positions())
        pointers = [c.data_ptr() for c in self.graph.constants]
        calls = (n for n in self.nodes if n.op is Op.CALL)
        pointers.extend(self._routine(n.attr) for n in calls)
        self._context = (ctypes.c_void_p * max(1, len(pointers)))(*pointers)
        self.context = ctypes.addressof(self._context)

    @functools.cached_property
    def schedule(self) -> Schedule:
        """The loops; worked out again if the code was kept from before."""
        return Schedule(Fusion(self.graph, self.ends))

    def positions(self) -> tuple[frozenset[int], frozenset[int]]:
        """The inputs and the outputs that are in single precision."""
        single = self.single or frozenset()
        inputs = frozenset(n.attr for n in single if n.op is Op.INPUT)
        return inputs, frozenset(k for k, v in enumerate(self.outputs) if v.node in single)

    @property
    def held(self) -> torch.dtype:
        """The type of large arrays in memory."""
        return torch.float64 if self.single is None else torch.float32

    def explain(self) -> str:
        """The loops, readable."""
        return explain(self.schedule, self.single)

    def _routine(self, routine: Routine) -> int:
        if routine.name == "guard":
            return self.fallback.address
        if routine.name == "loop":
            return 0  # it is a part of the code
        if routine.name in SYMBOLS:
            return address_of(SYMBOLS[routine.name]) or 0
        found: int = routine.parameters[0].address
        return found

    @property
    def calls_python(self) -> bool:
        """Whether the code calls Python, and so takes the GIL."""
        return bool(self.called_out or self.guards)

    def interruptible(self) -> AbstractContextManager[None]:
        """Around a call: Ctrl-C waits where it would be lost in a callback."""
        return held_back() if self.calls_python else nullcontext()

    @contextmanager
    def scratch(self) -> Iterator[int]:
        """The address of scratch memory for one call."""
        block = torch.empty(self.code.scratch_bytes + ALIGN, dtype=torch.uint8)
        yield -(-block.data_ptr() // ALIGN) * ALIGN

    def raise_failure(self, code: int) -> None:
        """:raises CompiledCodeError: if ``code``, which a call returned, is not 0."""
        if not code:
            return
        interpreted: tuple[CallOut | Fallback, ...] = (self.fallback, *self.calls)
        for call in interpreted:
            if call.error is not None:
                error, call.error = call.error, None
                raise error
        raise CompiledCodeError(f"compiled code failed with the number {code}")

    def report(self) -> Report:
        return Report(
            operations=self.recorded,
            nodes=len(self.nodes),
            loops=self.code.loops,
            called_out=self.called_out,
            guards=self.guards,
            fallbacks=self.fallback.runs,
            held=self.held,
            constant_bytes=sum(c.nbytes for c in self.graph.constants),
            scratch_bytes=self.code.scratch_bytes,
            code_bytes=self.code.size,
            origin=self.origin,
            seconds=self.seconds,
        )


@contextmanager
def stage(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the time inside the block to a table."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start


def build(
    fn: Callable[..., Any],
    inputs: tuple[Tensor, ...],
    density: bool,
    draws: bool = False,
    held: torch.dtype = torch.float64,
    meanwhile: Meanwhile | None = None,
) -> Program:
    """Record, fuse, write, assemble.

    :param fn: takes the inputs, and returns tensors.
    :param density: whether the code takes its arrays one by one.
    :param draws: whether ``fn`` draws random numbers; their key is one input more.
    :param held: the type of large arrays in memory.
    :param meanwhile: called while LLVM works, with the seconds of the stages until then; not if
        there is code already. It must not raise.
    """
    seconds: dict[str, float] = {}
    graph = Graph()
    with stage(seconds, "capture"):
        recorder, result = record(fn, inputs, graph, draws)
        views = tuple(recorder.view(t) for t in result)
        if density:
            views = tuple(graph.cast(v, Kind.F) for v in views)
    fallback = Fallback(
        _counted(fn) if draws else fn,
        _slots((*inputs, make_key(0)) if draws else inputs),
        _slots(result, density),
        density,
        recorder.guards[0].where if recorder.guards else "no branch",
    )
    dim = result[1].numel() if density else 0
    if density and dim < inputs[0].numel():
        if recorder.guards:  # they would hand the program a vector that is too short for it
            raise NotCapturable("a branch of a library decides", recorder.guards[0].where)
        graph.shorten(0, dim)
    wish = None
    if held is torch.float32:
        wish = wish_for(inputs, result, density, draws)
    return _finish(recorder, views, fallback, seconds, density, dim, wish=wish, meanwhile=meanwhile)


def build_iteration(
    fn: Callable[[], Sequence[Tensor]],
    state: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
    slices: Iterable[tuple[Tensor, int, int]],
    products: str | None = None,
    meanwhile: Meanwhile | None = None,
) -> Program:
    """A program with a loop over it, ``iterate``.

    :param fn: returns a real number, a truth value, the next state, and more arrays.
    :param products: the routine of BLAS for large products of matrices. With that for float32,
        all tensors of float32 are rounded as in torch, and are so in memory.
    :param meanwhile: as in :func:`build`.
    """
    seconds: dict[str, float] = {}
    graph = Graph()
    if products == gemm.SINGLE:
        graph.rounding = Rounding(graph, places_of_single((*state, *inputs)))
    with stage(seconds, "capture"):
        recorder, result = record_step(fn, state, inputs, slices, graph)
        kinds = [Kind.B if position == 1 else Kind.F for position in range(len(result))]
        views = tuple(graph.cast(recorder.view(t), k) for t, k in zip(result, kinds, strict=True))
    wish = None
    if products == gemm.SINGLE:
        wish = wish_for_step((*state, *inputs), result)
    zeros = [torch.zeros(t.shape, dtype=TORCH_DTYPE[k]) for t, k in zip(result, kinds, strict=True)]
    fallback = Fallback(
        lambda *_: zeros,  # among them the truth value, which ends the loop
        _slots((*state, *inputs)),
        _slots(zeros),
        False,
        recorder.guards[0].where if recorder.guards else "no branch",
    )
    carried = Carried(
        tuple(t.numel() * t.element_size() for t in state), len(state) + len(inputs), len(views)
    )
    program = _finish(
        recorder, views, fallback, seconds, False, 0, carried, wish, products, meanwhile
    )
    if wish is not None:
        _check_memory(program, wish)
    return program


def _check_memory(program: Program, wish: Wish) -> None:
    """:raises NotCapturable: if an array of the caller is read in another type than it has."""
    inputs, outputs = program.positions()
    used = {n.attr for n in program.nodes if n.op is Op.INPUT}
    if not used & set(wish.inputs) <= inputs or not outputs >= set(wish.outputs):
        raise NotCapturable("LAPACK or torch needs the state of the step in float64", "its end")


def _finish(
    recorder: Recorder,
    views: tuple[View, ...],
    fallback: Fallback,
    seconds: dict[str, float],
    density: bool,
    dim: int,
    carried: Carried | None = None,
    wish: Wish | None = None,
    products: str | None = None,
    meanwhile: Meanwhile | None = None,
) -> Program:
    """From the graph to the code; ``carried``: the arrays of a state, for a loop."""
    with stage(seconds, "roll"):
        asked = tuple(g.view for g in recorder.guards)
        graph, found = recorder.graph, views + asked
        if products is not None:
            graph, found = with_products(graph, found, products, wish.inputs if wish else ())
        graph, found = _rolled(graph, found)
        views, asked = found[: len(views)], found[len(views) :]
    with stage(seconds, "capture"):
        outputs = owned(graph, views, wish)
        expected = (g.expected for g in recorder.guards)
        guards = tuple(dict.fromkeys(map(graph.guard, asked, expected)))
        ends = outputs + guards
        nodes = live_nodes(view.node for view in ends)
    returned = tuple(v.node for v in outputs)
    single = singles(graph, nodes, returned, wish)
    interface = Interface(density, dim, returned, single)
    narrow = frozenset(n.attr for n in single if n.op is Op.DATA)
    key = structure(nodes, ends, (density, dim, carried, len(graph.constants), wish, narrow))
    with stage(seconds, "load"):
        code, origin = code_for(
            key, lambda: _make(graph, ends, interface, carried, seconds, meanwhile)
        )
    for name in ("fuse", "write", "assemble", "meanwhile"):
        seconds["load"] -= seconds.get(name, 0.0)
    return Program(
        graph=graph,
        nodes=nodes,
        outputs=outputs,
        ends=ends,
        code=code,
        recorded=recorder.recorded,
        called_out=tuple(call.name for call in recorder.calls),
        calls=tuple(recorder.calls),
        torch_draws=recorder.torch_draws,
        guards=len(guards),
        fallback=fallback,
        surroundings=recorder.memories.surroundings,
        single=None if wish is None else single,
        key=key,
        origin=origin,
        seconds=seconds,
    )


def _rolled(graph: Graph, outputs: tuple[View, ...]) -> tuple[Graph, tuple[View, ...]]:
    try:
        return rolled(graph, outputs)
    except Exception as error:  # the program as it was recorded is as good, but longer
        log.warning("a repetition stays as it is: %r", error)
        return graph, outputs


def _counted(fn: Callable[..., Any]) -> Callable[..., Any]:
    """``fn`` with the random numbers of a key, its last argument."""

    def run(*tensors: Tensor) -> Any:
        with Counted(tensors[-1]):
            return fn(*tensors[:-1])

    return run


def _make(
    graph: Graph,
    ends: tuple[View, ...],
    interface: Interface,
    carried: Carried | None,
    seconds: dict[str, float],
    meanwhile: Meanwhile | None,
) -> Made:
    """Fuse, write, assemble.

    :raises NotCapturable: if the compiler itself fails.
    """
    try:
        with stage(seconds, "fuse"):
            schedule = Schedule(Fusion(graph, ends))
        with stage(seconds, "write"):
            text = write_program(schedule, interface, machine().target)
            whole = text.text if carried is None else text.text + write_driver(carried, text.text)
        code = _assembled(whole, seconds, meanwhile)
    except Exception as error:
        lines = str(error).splitlines() or [""]
        reason = f"the compiler failed with {type(error).__name__}: {lines[0]}"
        raise NotCapturable(reason, "no line of the program") from error
    loops = sum(isinstance(step, Kernel) for step in schedule.steps)
    return Made(code, text.needs, text.scratch_bytes, loops)


def _assembled(text: str, seconds: dict[str, float], meanwhile: Meanwhile | None) -> bytes:
    """Machine code; the time that ``meanwhile`` takes beyond LLVM's has a stage of its own."""

    def work() -> bytes:
        with stage(seconds, "assemble"):
            return assemble(text, 2)

    if meanwhile is None:
        return work()
    with stage(seconds, "meanwhile"):
        code = beside(work, lambda: meanwhile(seconds))
    seconds["meanwhile"] -= seconds["assemble"]
    return code


def _slots(tensors: Iterable[Tensor], density: bool = False) -> tuple[Slot, ...]:
    """Where tensors are in memory; a density returns real numbers whatever its program does."""
    return tuple(
        Slot(tuple(t.shape), Kind.F if density else DTYPE_KIND[t.dtype], t.dtype) for t in tensors
    )


def owned(graph: Graph, outputs: tuple[View, ...], wish: Wish | None = None) -> tuple[View, ...]:
    """Outputs as arrays that nothing else is: inputs, constants and repetitions are copied.

    :param wish: what is to be in single precision, for which some have to be copied as well.
    """
    found: list[View] = []
    seen: set[Node] = set()
    wide: set[Node] = set()
    if wish is not None and wish.rounded:
        wide = {n for n in graph.nodes if n.op is not Op.MAP} - joins(graph.nodes)
    for position, view in enumerate(outputs):
        if view.numel == 0:
            found.append(graph.full(view.shape, 0, view.kind))
            continue
        view = graph.copy(view)
        is_odd = wish is not None and position in wish.outputs and view.node in wide
        if view.node.op in LEAVES or view.node.op is Op.RESULT or view.node in seen or is_odd:
            view = graph.fresh_copy(view, position)
        seen.add(view.node)
        found.append(view)
    return tuple(found)
