"""The LLVM text of a whole program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from pyro.compile.emit.accumulators import Accumulators
from pyro.compile.emit.arrays import Arrays
from pyro.compile.emit.calls import call
from pyro.compile.emit.combine import START
from pyro.compile.emit.economy import manners, work_of
from pyro.compile.emit.elements import Block
from pyro.compile.emit.nest import Nest
from pyro.compile.emit.space import Segment, Walk
from pyro.compile.emit.storage import Storage, kernels_of, plan
from pyro.compile.emit.values import BYTES, MEMORY_TYPE, memory_of, number_text
from pyro.compile.emit.walks import choose, instances
from pyro.compile.emit.writer import Writer
from pyro.compile.ir import Kind, Node, Op
from pyro.compile.math import Definition, LlvmModule
from pyro.compile.schedule import Fill, Kernel, Schedule, Statement
from pyro.compile.strips import Step, Strip, with_strips


@dataclass(frozen=True)
class Target:
    """What the text is written for.

    :param width: doubles in a vector register.
    :param fused: whether there is fused multiply-add.
    """

    width: int
    fused: bool


@dataclass(frozen=True)
class Interface:
    """The arguments of the function: a density has them one by one, a function as arrays.

    :param dim: the length of the input of a density.
    :param outputs: the nodes whose elements are returned.
    :param single: the nodes whose arrays may be in single precision.
    """

    density: bool
    dim: int
    outputs: tuple[Node, ...]
    single: frozenset[Node] = frozenset()


@dataclass(frozen=True)
class Text:
    """LLVM text with what a caller must provide.

    :param instances: how many bodies of loops were written.
    :param needs: special functions that are called.
    """

    text: str
    scratch_bytes: int
    instances: int
    needs: tuple[Definition, ...]


DENSITY = "ptr %context, ptr %x, ptr %value, ptr %gradient, ptr %scratch"
ARRAYS = ("%x", "%value", "%gradient")
TABLES = ("%inputs", "%outputs", "null")
GENERAL = "ptr %context, ptr %inputs, ptr %outputs, ptr %scratch"


MANY = """
define i32 @many(ptr %context, ptr %x, ptr %values, ptr %gradients, ptr %scratch, i64 %n) {{
entry:
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %head, label %done
head:
  %i = phi i64 [0, %entry], [%next, %good]
  %at = mul i64 %i, {dim}
  %p = getelementptr double, ptr %x, i64 %at
  %g = getelementptr double, ptr %gradients, i64 %at
  %v = getelementptr double, ptr %values, i64 %i
  %r = call i32 @{name}(ptr %context, ptr %p, ptr %v, ptr %g, ptr %scratch)
  %ok = icmp eq i32 %r, 0
  br i1 %ok, label %good, label %bad
good:
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %head, label %done
bad:
  ret i32 %r
done:
  ret i32 0
}}
"""


def write_program(
    schedule: Schedule, interface: Interface, target: Target, name: str = "run"
) -> Text:
    """Write the function ``name`` that runs the steps of a schedule."""
    return _Program(schedule, interface, target, name).text()


def write_body(
    schedule: Schedule, outputs: tuple[Node, ...], target: Target
) -> tuple[int, Callable[[LlvmModule, str], None]]:
    """The scratch memory of the body of a loop, and what writes it as a function into a module."""
    interface = Interface(False, 0, outputs)
    scratch = _Program(schedule, interface, target, "").storage.scratch_bytes

    def write(module: LlvmModule, name: str) -> None:
        module.define(name, _Program(schedule, interface, target, name, module).function())

    return scratch, write


class _Program:
    """One program being written."""

    def __init__(
        self,
        schedule: Schedule,
        interface: Interface,
        target: Target,
        name: str,
        module: LlvmModule | None = None,
    ) -> None:
        self.schedule = schedule
        self.interface = interface
        self.target = target
        self.name = name
        self.steps = with_strips(schedule, set(interface.outputs))
        self.manners = manners(
            kernels_of(self.steps), target.width, _elsewhere(self.steps), interface.density
        )
        self.walks, self.tails = self._walks()
        self.storage = plan(
            schedule, self.steps, self.walks, list(interface.outputs), interface.single
        )
        self.writer = Writer(module or LlvmModule(library=True))
        self.writer.width = target.width
        self.writer.interface = ARRAYS if interface.density else TABLES
        self.arrays = Arrays(self.writer, schedule.home, self.storage.single)

    def _walks(self) -> tuple[dict[Kernel, Walk], dict[Kernel, Walk]]:
        """How each kernel is walked; kernels of strips have a second way for what is left over."""
        width = self.target.width
        walks: dict[Kernel, Walk] = {}
        tails: dict[Kernel, Walk] = {}
        for step in self.steps:
            if isinstance(step, Kernel):
                walks[step] = choose(step, width, self.manners[step])
            elif isinstance(step, Strip):
                for k in step.kernels:
                    manner = self.manners[k]._replace(straight=False)
                    rows = step.multiple(k)
                    walks[k] = choose(k, width, manner, (step.block * rows, *k.domain[1:]))
                    if rest := step.rows % step.block:
                        tails[k] = choose(k, width, manner, (rest * rows, *k.domain[1:]))
        return walks, tails

    def text(self) -> Text:
        text, writer = self.function(), self.writer
        if self.interface.density:
            text += MANY.format(name=self.name, dim=self.interface.dim)
        count = sum(map(instances, [*self.walks.values(), *self.tails.values()]))
        needs = tuple(writer.module.needs.values())
        return Text(text + writer.module.text(), self.storage.scratch_bytes, count, needs)

    def function(self) -> str:
        schedule, writer = self.schedule, self.writer
        calls = [n for n in schedule.fusion.nodes if n.op is Op.CALL]
        _pointers(writer, self.arrays, schedule, self.storage, self.interface)
        start = len(schedule.fusion.constants)
        routines = {n: _entry(writer, "%context", start + k) for k, n in enumerate(calls)}
        for step in self.steps:
            if isinstance(step, Fill):
                _fill(writer, self.arrays, step, schedule)
            elif isinstance(step, Statement):
                _call(writer, self.arrays, step, schedule, routines)
            elif isinstance(step, Strip):
                self._strip(step)
            else:
                self._nest(step, self.walks[step], None)
        body = "\n".join([*writer.entry, *writer.levels[0]])
        parameters = DENSITY if self.interface.density else GENERAL
        return f"define i32 @{self.name}({parameters}) {{\nentry:\n{body}\n  ret i32 0\n}}\n"

    def _nest(self, kernel: Kernel, walk: Walk, block: Block | None) -> None:
        self.writer.inline = self.manners[kernel].inline
        self.arrays.brief = walk.brief
        Nest(
            writer=self.writer,
            arrays=self.arrays,
            kernel=kernel,
            walk=walk,
            stored=self.schedule.fusion.stored,
            in_memory=self.storage.needed.__contains__,
            home=self.schedule.home,
            fused=self.target.fused,
            volatile=self.storage.volatile,
            width=self.target.width,
            block=block,
        ).write()

    def _strip(self, strip: Strip) -> None:
        """A loop over blocks around all nests, and once more for the rows that are left over."""
        for node in sorted(strip.carried, key=lambda n: n.number):
            start = START[node.attr[0], node.kind]
            _fill_number(self.writer, self.arrays.pointer(node), node, start)
        loops = Accumulators(self.writer)
        loop = loops.open()
        for kernel in strip.kernels:
            self._nest(
                kernel, self.walks[kernel], _block(strip, kernel, loop.symbol, loop.depth, 0)
            )
        loops.close(loop, Segment(0, strip.rows // strip.block, strip.block, ()))
        self.arrays.forget(loop.depth)
        if strip.rows % strip.block:
            first = strip.rows - strip.rows % strip.block
            for kernel in strip.kernels:
                self._nest(kernel, self.tails[kernel], _block(strip, kernel, None, 0, first))


def _elsewhere(steps: Sequence[Step | Strip]) -> int:
    """How many instructions the loops execute that a program calls."""
    loops = (s.node.attr for s in steps if isinstance(s, Statement) and s.node.op is Op.CALL)
    return sum(
        loop.steps * work_of(k for k in loop.schedule.steps if isinstance(k, Kernel))
        for routine in loops
        if routine.name == "loop"
        for loop in routine.parameters
    )


def _block(strip: Strip, kernel: Kernel, symbol: str | None, depth: int, row: int) -> Block:
    multiple = strip.multiple(kernel)
    return Block(symbol, depth, row * multiple, multiple, strip.local, strip.carried)


def _call(
    writer: Writer, arrays: Arrays, step: Statement, schedule: Schedule, routines: dict[Node, str]
) -> None:
    """A routine writes its results one behind the other; each result is a view of them."""
    node = step.node
    if node.op is not Op.CALL:
        return
    home = schedule.home
    arguments = [arrays.pointer(home.get(r.node, r.node)) for r in node.args]
    known = {r: arrays.pointer(r) for r in dict.fromkeys(schedule.results[node])}
    results = [known[r] for r in schedule.results[node]]
    call(writer, node.attr, routines[node], arguments, results)


def _entry(writer: Writer, table: str, position: int) -> str:
    """A pointer from a table of pointers."""
    slot, pointer = writer.fresh("s"), writer.fresh("p")
    writer.line(f"{slot} = getelementptr inbounds ptr, ptr {table}, i64 {position}")
    writer.line(f"{pointer} = load ptr, ptr {slot}, align 8, !invariant.load !0")
    return pointer


def _pointers(
    writer: Writer, arrays: Arrays, schedule: Schedule, storage: Storage, interface: Interface
) -> None:
    writer.module.define("!0", "\n!0 = !{}")
    for node in schedule.fusion.nodes:
        if node.op is Op.INPUT:
            arrays.pointers[node] = (
                "%x" if interface.density else _entry(writer, "%inputs", node.attr)
            )
        elif node.op is Op.DATA:
            arrays.pointers[node] = _entry(writer, "%context", node.attr)
    home = schedule.home
    for position, node in enumerate(interface.outputs):
        pointer = (
            ("%value", "%gradient")[position]
            if interface.density
            else _entry(writer, "%outputs", position)
        )
        arrays.pointers[home.get(node, node)] = pointer
    arrays.offsets.update(storage.offsets)


def _fill(writer: Writer, arrays: Arrays, fill: Fill, schedule: Schedule) -> None:
    node, source = schedule.home[fill.node], fill.source
    pointer = arrays.pointer(node)
    element, width = memory_of(node, arrays.single)
    if source.op is Op.LITERAL:
        _fill_number(writer, pointer, node, source.attr, element)
        return
    size = node.size * width
    origin = arrays.pointer(schedule.home.get(source, source))
    writer.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    writer.line(
        f"call void @llvm.memcpy.p0.p0.i64(ptr {pointer}, ptr {origin}, i64 {size}, i1 false)"
    )


def _fill_number(
    writer: Writer,
    pointer: str,
    node: Node,
    value: float | int | bool,
    element: str | None = None,
) -> None:
    """One number everywhere; ``element`` is what real numbers are in memory, if not double."""
    zero = not value and str(value) != "-0.0"
    if element == "float":
        value = float(torch.tensor(value, dtype=torch.float32))
    if not zero and node.kind is not Kind.B:
        _fill_loop(writer, pointer, node, number_text(value, node.kind), element)
        return
    size, byte = node.size * (4 if element == "float" else BYTES[node.kind]), 0 if zero else 1
    writer.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    writer.line(f"call void @llvm.memset.p0.i64(ptr {pointer}, i8 {byte}, i64 {size}, i1 false)")


def _fill_loop(
    writer: Writer, pointer: str, node: Node, text: str, element: str | None = None
) -> None:
    n = next(writer.names)
    t = element or MEMORY_TYPE[node.kind]
    align = 4 if t == "float" else 8
    for line in (
        f"  br label %pre{n}",
        f"pre{n}:",
        f"  br label %head{n}",
        f"head{n}:",
        f"  %i{n} = phi i64 [0, %pre{n}], [%next{n}, %head{n}]",
        f"  %p{n} = getelementptr inbounds {t}, ptr {pointer}, i64 %i{n}",
        f"  store {t} {text}, ptr %p{n}, align {align}",
        f"  %next{n} = add nuw nsw i64 %i{n}, 1",
        f"  %more{n} = icmp ult i64 %next{n}, {node.size}",
        f"  br i1 %more{n}, label %head{n}, label %exit{n}",
        f"exit{n}:",
    ):
        writer.levels[-1].append(line)
