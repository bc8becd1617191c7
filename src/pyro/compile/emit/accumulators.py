"""Values that loops carry: sums and other reductions in registers."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from pyro.compile.emit.space import Segment
from pyro.compile.emit.values import Value, type_of
from pyro.compile.emit.writer import Writer


@dataclass
class Loop:
    """An open loop: the phi nodes at its head are written when it is closed."""

    label: int
    symbol: str
    depth: int
    phis: dict[Hashable, tuple[str, Value]] = field(default_factory=dict)


@dataclass
class Accumulators:
    """Current values by key; a loop in which one is first touched gets a phi node for it."""

    writer: Writer
    loops: list[Loop] = field(default_factory=list)
    current: dict[Hashable, Value] = field(default_factory=dict)
    born: dict[Hashable, int] = field(default_factory=dict)

    def get(self, key: Hashable, start: Value, depth: int) -> Value:
        """The value so far; ``start`` if there is none. ``depth``: the level where it is born."""
        if key not in self.current:
            self.current[key] = start
            self.born[key] = depth
        for loop in self.loops:
            if loop.depth <= self.born[key] or key in loop.phis:
                continue
            before = self.current[key]
            name = self.writer.fresh("a")
            loop.phis[key] = (name, before)
            self.current[key] = Value(name, before.kind, before.width, loop.depth)
        return self.current[key]

    def set(self, key: Hashable, value: Value) -> None:
        self.current[key] = value

    def take(self, key: Hashable) -> Value:
        """The final value; the key is free again."""
        del self.born[key]
        return self.current.pop(key)

    # ------------------------------------------------------------ loops

    def open(self) -> Loop:
        """A new innermost loop; its body is written at a new level."""
        w = self.writer
        label = next(w.names)
        loop = Loop(label, f"%i{label}", w.depth + 1)
        w.levels.append([])
        self.loops.append(loop)
        return loop

    def close(self, loop: Loop, segment: Segment, brief: bool = False) -> None:
        """Write the loop into the level around it; ``brief`` as in :class:`Walk`."""
        w = self.writer
        body = w.levels.pop()
        self.loops.pop()
        n, i = loop.label, loop.symbol
        w.line(f"br label %pre{n}")
        out = w.levels[-1]
        out.append(f"pre{n}:")
        out.append(f"  br label %head{n}")
        out.append(f"head{n}:")
        out.append(f"  {i} = phi i64 [{segment.start}, %pre{n}], [%next{n}, %latch{n}]")
        for key, (name, before) in loop.phis.items():
            after = self.current[key]
            t = type_of(before.kind, before.width)
            out.append(f"  {name} = phi {t} [{before.name}, %pre{n}], [{after.name}, %latch{n}]")
        out.extend(body)
        out.append(f"  br label %latch{n}")
        out.append(f"latch{n}:")
        out.extend(_next(w, n, i, segment, brief))
        out.append(f"  br i1 %more{n}, label %head{n}, label %exit{n}")
        out.append(f"exit{n}:")
        for key in loop.phis:
            after = self.current[key]
            self.current[key] = Value(after.name, after.kind, after.width, w.depth)


def _next(w: Writer, n: int, i: str, segment: Segment, brief: bool) -> tuple[str, ...]:
    """The next index, and whether the loop goes on.

    LLVM takes a quarter of its time to look for better ways to count where an index is a multiple
    of a number; it does not if the index is a minimum.
    """
    stride, last = segment.stride, segment.last
    if segment.iterations == 2:
        stride = last - segment.start
    if not brief and segment.start + stride * (segment.iterations - 1) == last:
        return (
            f"  %next{n} = add nuw nsw i64 {i}, {stride}",
            f"  %more{n} = icmp ult i64 %next{n}, {last + stride}",
        )
    w.module.declare("declare i64 @llvm.umin.i64(i64, i64)")
    return (
        f"  %far{n} = add nuw nsw i64 {i}, {stride}",
        f"  %next{n} = call i64 @llvm.umin.i64(i64 %far{n}, i64 {last})",
        f"  %more{n} = icmp ne i64 {i}, {last}",
    )
