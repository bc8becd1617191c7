"""What is written out, and what is looped over and called: LLVM's time grows with the text.

A small program has everything in place, where it is fastest. In a longer one, the many kernels that
share a small part of the work are written as loops that call special functions. Beyond a limit, so
is all but loops of many points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from pyro.compile.emit.lanes import lanes_of
from pyro.compile.emit.space import straight
from pyro.compile.ir import Node, Op
from pyro.compile.math import FUNCTIONS
from pyro.compile.schedule import Kernel, Statement

STRAIGHT = 32
SMALL = 1000  # instructions of a program up to which all is written out
ROOMY = 4000  # up to which small loops are, where they take some of the time
COLD = 1 / 16  # the part of the work that may be done as the shortest text does it
IDLE = 1 / 64  # and the part that may take half as long again, in densities: they run most often
LONG = 256  # instructions of a kernel from which it is a loop in any program
MODERATE = 96  # and from which it is one in a program that is not small
INLINE = 1500  # instructions of special functions, up to which all stand where they are used
FEW = 2  # bodies up to which a kernel is written out in any program
HOT = 512  # points from which special functions stand in a loop in any program
CALL = 4  # instructions of a call, or of an element that is found in a table


class Manner(NamedTuple):
    """How a kernel is written.

    :param straight: whether it may be written without loops.
    :param unrolled: whether loops may have several bodies side by side.
    :param inline: whether special functions stand where they are used.
    :param brief: whether LLVM's time is all that counts.
    """

    straight: bool = True
    unrolled: bool = True
    inline: bool = True
    brief: bool = False


def manners(
    kernels: Iterable[Kernel], width: int, elsewhere: int = 0, density: bool = False
) -> dict[Kernel, Manner]:
    """How each kernel of a program is written.

    :param width: lanes of a vector register.
    :param elsewhere: instructions that loops execute which the program calls.
    :param density: whether the program is a density with its gradient.
    """
    kernels = list(kernels)
    bodies = {k: _bodies(k, width) for k in kernels}
    texts = {k: _Text(k, width) for k in kernels}
    whole = {k: bodies[k] * t.size(True) for k, t in texts.items()}
    is_small = sum(whole.values()) <= SMALL
    cold = set() if is_small else _cold(texts, elsewhere, COLD)
    idle = _cold(texts, elsewhere, IDLE) if density and not is_small else set()
    special = sum(t.special * bodies[k] for k, t in texts.items() if k not in cold)
    inline = {k: k not in cold and (special <= INLINE or k.points >= HOT) for k in kernels}
    sizes = {k: bodies[k] * t.size(inline[k]) for k, t in texts.items()}
    roomy = sum(sizes.values()) <= ROOMY
    found = {}
    for k in kernels:
        fits = roomy and k not in cold and sizes[k] <= (LONG if is_small else MODERATE)
        is_hot = k not in cold and (roomy or k.points >= HOT)
        found[k] = Manner(
            fits or bodies[k] <= FEW, is_hot, inline[k], k in idle if density else not is_hot
        )
    return found


def work_of(kernels: Iterable[Kernel]) -> int:
    """How many instructions a program executes, about, without vectors."""
    return sum(k.points * _Text(k, 1).size(True) for k in kernels)


def _cold(texts: dict[Kernel, _Text], elsewhere: int, part: float) -> set[Kernel]:
    """Kernels that take no more than a part of the time, all together."""
    work = {k: k.points * t.size(True) for k, t in texts.items()}
    left = part * (sum(work.values()) + elsewhere)
    found = set()
    for k in sorted(work, key=lambda k: work[k]):
        left -= work[k]
        if left < 0:
            break
        found.add(k)
    return found


def may_be_straight(kernel: Kernel, points: int) -> bool:
    """Whether a kernel is small enough to be written without loops."""
    return points <= STRAIGHT * (2 if len(kernel.statements) == 1 else 1)


def _bodies(kernel: Kernel, width: int) -> int:
    """Bodies of a kernel that is written out, if it may be."""
    if not may_be_straight(kernel, kernel.points):
        return 1
    lanes = lanes_of(kernel, kernel.domain, width) if kernel.domain else -1
    parts = (straight(n, width if d == lanes else 1) for d, n in enumerate(kernel.domain))
    return math.prod(len(part.steps) for (part,) in parts)


class _Text:
    """The length of the body of a kernel.

    :param kernel: its statements share what they compute.
    """

    def __init__(self, kernel: Kernel, width: int) -> None:
        self.plain = 0
        self.special = 0  # instructions of special functions that may stand in place
        self._calls = 0
        self._lanes = 1 if kernel.domain else width  # scalars share vectors
        seen: set[Node] = set()
        for statement in kernel.statements:
            self._add(statement, seen)

    def size(self, inline: bool) -> int:
        """Instructions, special functions in place or called."""
        return self.plain + (self.special if inline else CALL * self._calls)

    def _add(self, statement: Statement, seen: set[Node]) -> None:
        kept = {r.node for r in statement.reads}
        waiting = [statement.node]
        self.plain += 2 * len(kept)
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            self._count(node)
            waiting.extend(r.node for r in node.args if r.node not in kept and r.node.op is Op.MAP)

    def _count(self, node: Node) -> None:
        function = FUNCTIONS.get(node.attr[0]) if node.op is Op.MAP else None
        if function is None:
            self.plain += CALL if node.op is Op.UPDATE or _is_lookup(node) else 1
        elif function.inline:
            self._calls += 1
            self.special += function.flops // self._lanes
        else:
            self.plain += CALL


def _is_lookup(node: Node) -> bool:
    return node.op is Op.MAP and bool(node.attr[0] == "lookup")
