"""The order of computation: statements over the same box of indices share a loop nest."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from pyro.compile.fuse import LEAVES, Fusion, Read, identity
from pyro.compile.ir import Node, Op, Shape

LONGEST = 48  # statements of a loop: LLVM's time grows faster than the length of its body


@dataclass(slots=True, eq=False)
class Statement:
    """Computes a stored node, or one write into it.

    :param node: the node.
    :param reads: the arrays that it reads.
    :param mode: how an UPDATE writes; ``set`` or ``add`` may differ from the node's own mode.
    """

    node: Node
    reads: list[Read]
    mode: str = "set"


@dataclass(slots=True, eq=False)
class Kernel:
    """A loop nest with its statements; or, with the domain (), straight code, fills and calls."""

    domain: Shape
    layout: Any  # statements of equal domain and layout may share a nest
    statements: list[Statement] = field(default_factory=list)

    @property
    def points(self) -> int:
        return math.prod(self.domain)


@dataclass(slots=True, eq=False)
class Fill:
    """Prepares the array of an UPDATE: one number everywhere, or a copy of another array."""

    node: Node
    source: Node


class Schedule:
    """Kernels, fills and calls in the order in which they run.

    :param fusion: what is stored.
    """

    def __init__(self, fusion: Fusion) -> None:
        self.fusion = fusion
        self.steps: list[Kernel | Fill | Statement] = []
        self.ready: dict[Node, int] = {}  # the step after which a node may be read
        self.home: dict[Node, Node] = {}  # the node whose array an UPDATE writes into
        self.results: dict[Node, list[Node]] = {}  # the arrays that a CALL writes
        self._alike: dict[Any, list[int]] = {}
        self._apart: set[Node] = set()
        chains = _Chains(fusion)
        for node in fusion.nodes:
            if node in fusion.stored:
                self._place(node, chains)

    def _place(self, node: Node, chains: _Chains) -> None:
        if node.op is Op.UPDATE:
            self._place_update(node, chains)
            return
        statement = Statement(node, self.fusion.reads(node))
        if node.op is Op.RESULT:
            self.results[node.args[0].node][node.attr] = node
            self.ready[node] = self.ready[node.args[0].node]
            return
        if node.op is Op.CALL:
            self.results[node] = [node] * len(node.attr.sizes)
            self.steps.append(statement)
            self.ready[node] = len(self.steps) - 1
            return
        self.ready[node] = self._join(statement, _layout(node), self._after(statement))

    def _place_update(self, node: Node, chains: _Chains) -> None:
        base = node.args[0].node
        statement = Statement(node, self.fusion.value_reads(node), node.attr.mode)
        chain = chains.of(node)
        earliest = self._after(statement)
        if base in self.home and chains.in_place(node):
            self.home[node] = self.home[base]
        else:
            self.home[node] = node
            if chain.needs_fill:
                self.steps.append(Fill(node, base))
                self.ready[node] = len(self.steps) - 1
                chain.start = len(self.steps)
        earliest = max(earliest, chain.start)
        if chain.apart:
            statement.mode = "set"
        elif base in self.ready:
            earliest = max(earliest, self.ready[base] + 1)
        shares = statement.mode == "set" and not node.attr.index_strides
        done = self._join(statement, None if shares else (node,), earliest)
        before = self.ready[base] if base.op is Op.UPDATE and chain.root is not node else 0
        self.ready[node] = max(done, before, self.ready.get(node, 0))

    def _after(self, statement: Statement) -> int:
        """The first step in which all that the statement reads is there."""
        domain = statement.node.domain
        first = 0
        for node, access in statement.reads:
            if node.op in LEAVES:
                continue
            step = self.ready[node]
            here = self.steps[step]
            same = (
                isinstance(here, Kernel)
                and node.op is Op.MAP
                and here.domain == domain
                and access == identity(domain)
            )
            first = max(first, step if same else step + 1)
        return first

    def _join(self, statement: Statement, layout: Any, earliest: int) -> int:
        """Put a statement into the first fitting kernel, or a new one."""
        key = (statement.node.domain, layout)
        alike = self._alike.setdefault(key, [])
        for step in alike[bisect_left(alike, earliest) :]:
            kernel = self.steps[step]
            assert isinstance(kernel, Kernel)
            if not kernel.domain or len(kernel.statements) < LONGEST:
                break
        else:
            step, kernel = len(self.steps), Kernel(statement.node.domain, layout)
            self.steps.append(kernel)
            alike.append(step)
        kernel.statements.append(statement)
        return step


def _layout(node: Node) -> Any:
    """None where the innermost dims are reduced, or none: such statements go with any other."""
    if node.op is Op.SCAN:
        return ("scan",)
    if node.op is Op.REDUCE:
        fn, flags = node.attr
        if fn.startswith("arg"):
            return ("arg", flags)
        return None if flags == tuple(sorted(flags)) and sum(flags) == len(flags) else flags
    return None


class _Chain:
    """Writes into one array, from its fill on."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.writes = [root]
        self.start = 0  # the first step after the fill

    def settle(self) -> None:
        """Whether the writes lie apart, and whether they leave something out."""
        spans = sorted(map(_span, self.writes))
        base = self.root.args[0].node
        zero = base.op is Op.LITERAL and not base.attr
        plain = all(not w.attr.index_strides for w in self.writes)
        modes = {w.attr.mode for w in self.writes}
        self.apart = (
            plain
            and (modes == {"set"} or (zero and modes <= {"set", "add"}))
            and all(a[1] < b[0] for a, b in itertools.pairwise(spans))
        )
        covered = sum(math.prod(w.domain) for w in self.writes)
        self.needs_fill = not (self.apart and covered == self.root.size)


def _span(node: Node) -> tuple[int, int]:
    reach = [s * (n - 1) for s, n in zip(node.attr.strides, node.domain, strict=True)]
    return (
        node.attr.offset + sum(r for r in reach if r < 0),
        node.attr.offset + sum(r for r in reach if r > 0),
    )


class _Chains:
    """Groups the UPDATE nodes that may write into the array of the one before."""

    def __init__(self, fusion: Fusion) -> None:
        self._chains: dict[Node, _Chain] = {}
        outputs = {view.node for view in fusion.outputs}
        for node in fusion.nodes:
            if node.op is not Op.UPDATE:
                continue
            base = node.args[0].node
            alone = base.op is Op.UPDATE and fusion.uses[base] == 1 and base not in outputs
            if alone and all(ref.node is not base for ref in node.args[1:]):
                chain = self._chains[node] = self._chains[base]
                chain.writes.append(node)
            else:
                self._chains[node] = _Chain(node)
        for chain in set(self._chains.values()):
            chain.settle()

    def of(self, node: Node) -> _Chain:
        return self._chains[node]

    def in_place(self, node: Node) -> bool:
        return self._chains[node].root is not node
