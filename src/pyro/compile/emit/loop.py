"""A loop over steps in machine code: the body is a function of its own, called once a step."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pyro.compile.emit.calls import ROUTINES
from pyro.compile.emit.values import BYTES, MEMORY_TYPE
from pyro.compile.emit.writer import Writer
from pyro.compile.ir import Kind
from pyro.compile.math import LlvmModule
from pyro.compile.schedule import Schedule


class Stream(NamedTuple):
    """What a body reads or writes at step ``t``: an array from ``start + step * t`` on.

    :param array: its position among the arguments of the loop, then its results.
    """

    array: int
    kind: Kind
    start: int
    step: int


class Carry(NamedTuple):
    """Elements that are copied into a result before the first step.

    :param array: where they come from, among the arguments, from element ``start`` on.
    :param result: where they go to, counted as in :class:`Stream`, from element ``place`` on.
    """

    array: int
    start: int
    result: int
    place: int
    kind: Kind
    size: int


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop; two are equal if their code is.

    :param steps: how often the body runs.
    :param body: the structure of the body.
    :param schedule: the body, to be explained.
    :param write: writes the body as a function of this name into a module.
    :param sizes: elements of each result; the last is the scratch memory of the body.
    """

    steps: int
    body: object
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    carries: tuple[Carry, ...]
    sizes: tuple[int, ...]
    schedule: Schedule
    write: Callable[[LlvmModule, str], None]

    @property
    def key(self) -> tuple[object, ...]:
        """All that the code depends on."""
        return self.steps, self.body, self.inputs, self.outputs, self.carries, self.sizes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loop) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Loop{self.key!r}"


def _write(w: Writer, pointer: str, arguments: list[str], results: list[str], loop: Loop) -> None:
    """Call a function that holds the loop, which calls the body."""
    names = (f"loop{k}" for k in itertools.count())
    name = next(n for n in names if not w.module.defines(n))
    w.module.define(name, "")  # taken
    loop.write(w.module, f"{name}.body")
    arrays = [*arguments, *_apart(w, results, loop.sizes)]
    w.module.define(name, _driver(name, loop, len(arrays)))
    given = ", ".join(["ptr %context", *(f"ptr {a}" for a in arrays)])
    w.module.declare(MEMCPY)
    w.line(f"call void @{name}({given})")


def _apart(w: Writer, results: list[str], sizes: tuple[int, ...]) -> list[str]:
    """Results that nobody reads have one address; there is room for each behind it."""
    found = []
    for k, pointer in enumerate(results):
        if results.count(pointer) > 1:
            name = w.fresh("p")
            w.line(f"{name} = getelementptr double, ptr {pointer}, i64 {sum(sizes[:k])}")
            pointer = name
        found.append(pointer)
    return found


def _driver(name: str, loop: Loop, arrays: int) -> str:
    """Pointers move on from step to step; a body finds them in two tables."""
    parameters = ", ".join(["ptr %context", *(f"ptr %a{k}" for k in range(arrays))])
    streams = [("in", loop.inputs), ("out", loop.outputs)]
    entry, heads, stores, moves = [], [], [], []
    for table, members in streams:
        entry.append(f"%{table} = alloca [{max(1, len(members))} x ptr], align 8")
    entry.extend(_carried(k, c) for k, c in enumerate(loop.carries))
    for table, members in streams:
        for k, (array, kind, start, step) in enumerate(members):
            at, t = f"%{table}{k}", MEMORY_TYPE[kind]
            entry.append(f"{at}.first = getelementptr {t}, ptr %a{array}, i64 {start}")
            entry.append(f"{at}.slot = getelementptr ptr, ptr %{table}, i64 {k}")
            if not step:
                entry.append(f"store ptr {at}.first, ptr {at}.slot, align 8")
                continue
            heads.append(f"{at} = phi ptr [{at}.first, %entry], [{at}.next, %step]")
            stores.append(f"store ptr {at}, ptr {at}.slot, align 8")
            moves.append(f"{at}.next = getelementptr {t}, ptr {at}, i64 {step}")
    call = f"%code = call i32 @{name}.body(ptr %context, ptr %in, ptr %out, ptr %a{arrays - 1})"
    lines = [
        f"define internal void @{name}({parameters}) {{",
        "entry:",
        *(f"  {line}" for line in entry),
        "  br label %step",
        "step:",
        "  %t = phi i64 [0, %entry], [%next, %step]",
        *(f"  {line}" for line in [*heads, *stores, call, *moves]),
        "  %next = add nuw nsw i64 %t, 1",
        f"  %more = icmp ult i64 %next, {loop.steps}",
        "  br i1 %more, label %step, label %done",
        "done:",
        "  ret void",
        "}",
        "",
    ]
    return "\n".join(lines)


def _carried(k: int, carry: Carry) -> str:
    source, t = f"%a{carry.array}", MEMORY_TYPE[carry.kind]
    size = carry.size * BYTES[carry.kind]
    return (
        f"%first{k} = getelementptr {t}, ptr {source}, i64 {carry.start}\n"
        f"  %to{k} = getelementptr {t}, ptr %a{carry.result}, i64 {carry.place}\n"
        f"  call void @llvm.memcpy.p0.p0.i64(ptr %to{k}, ptr %first{k}, i64 {size}, i1 false)"
    )


MEMCPY = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"
ROUTINES["loop"] = _write
