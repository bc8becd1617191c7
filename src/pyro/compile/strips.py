"""Kernels that walk the same rows, run block by block: what one writes, the next finds in cache.

A matrix that is read for a product and again for the gradient comes from memory once, and what
passes from one kernel to the next needs room for one block only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyro.compile.fuse import LEAVES, Read
from pyro.compile.ir import Node, Op
from pyro.compile.schedule import Fill, Kernel, Schedule, Statement

LEAST_ROWS = 512
BLOCK_BYTES = 24576
LONGEST = 64  # kernels in a strip
FARTHEST = 256  # steps that a kernel may overtake to join a strip
Step = Kernel | Fill | Statement


@dataclass(slots=True, eq=False)
class Strip:
    """Kernels that run together on blocks of rows.

    :param rows: the number of rows; the first dim of each kernel is a multiple of it.
    :param block: rows of a block.
    :param local: arrays that nobody reads outside; they hold one block.
    :param carried: reductions over rows, which grow from block to block.
    """

    kernels: list[Kernel]
    rows: int
    block: int = 0
    local: set[Node] = field(default_factory=set)
    carried: set[Node] = field(default_factory=set)

    def multiple(self, kernel: Kernel) -> int:
        """How many indices of the first dim of a kernel are one row."""
        return kernel.domain[0] // self.rows


def with_strips(schedule: Schedule, outputs: set[Node]) -> list[Step | Strip]:
    """The steps of a schedule, some of them joined to strips."""
    found: list[Step | Strip] = []
    waiting: list[Step] = list(schedule.steps)
    while waiting:
        start = next((k for k, s in enumerate(waiting) if _may_start(s)), len(waiting))
        found.extend(waiting[:start])
        if start == len(waiting):
            break
        before, strip, waiting = _gathered(waiting[start:], schedule)
        found.extend(before)
        found.extend([strip] if len(strip.kernels) > 1 else strip.kernels)
    _settle(found, outputs, schedule)
    return found


def _gathered(steps: list[Step], schedule: Schedule) -> tuple[list[Step], Strip, list[Step]]:
    """The strip that begins with the first step, what may run before it, and what comes after."""
    first = steps[0]
    assert isinstance(first, Kernel)
    strip = Strip([first], first.domain[0])
    before: list[Step] = []
    after: list[Step] = []
    made, later = _made(first, schedule), set[Node]()
    for position, step in enumerate(steps[1:], 1):
        if len(after) > FARTHEST:
            return before, strip, after + steps[position:]
        needs = _needs(step, schedule)
        if needs & later or _writes_in_place(step):
            after.append(step)
            later |= _made(step, schedule)
        elif isinstance(step, Kernel) and (rows := _rows_with(strip, step)):
            strip.kernels.append(step)
            strip.rows = rows
            made |= _made(step, schedule)
        elif needs & made:
            after.append(step)
            later |= _made(step, schedule)
        else:
            before.append(step)
    return before, strip, after


def _made(step: Step, schedule: Schedule) -> set[Node]:
    """The arrays into which a step writes."""
    home = schedule.home
    if isinstance(step, Kernel):
        return {home.get(s.node, s.node) for s in step.statements}
    if isinstance(step, Fill):
        return {home[step.node]}
    return set(schedule.results[step.node])


def _needs(step: Step, schedule: Schedule) -> set[Node]:
    """The arrays that a step reads, or writes into after others."""
    home = schedule.home
    found = {home.get(n, n) for n in _nodes_read(step, schedule)}
    if isinstance(step, Kernel):
        found |= {home[s.node] for s in step.statements if s.node.op is Op.UPDATE}
    return found


def _writes_in_place(step: Step) -> bool:
    return isinstance(step, Kernel) and any(
        s.node.op is Op.UPDATE
        and (s.mode != "set" or s.node.attr.index_strides)
        and not _may_start(step)
        for s in step.statements
    )


def _may_start(step: Step) -> bool:
    return (
        isinstance(step, Kernel)
        and bool(step.domain)
        and step.domain[0] >= LEAST_ROWS
        and _fits([step], step.domain[0])
    )


def _rows_with(strip: Strip, kernel: Kernel) -> int:
    """The rows of the strip if the kernel joins it; 0 if it cannot."""
    if not kernel.domain or len(strip.kernels) >= LONGEST:
        return 0
    n = kernel.domain[0]
    rows = strip.rows if n % strip.rows == 0 else n if strip.rows % n == 0 else 0
    if rows < LEAST_ROWS or not _fits([*strip.kernels, kernel], rows):
        return 0
    return rows


def _fits(kernels: list[Kernel], rows: int) -> bool:
    """Whether each kernel reads, of what the others made, only rows that are there."""
    aligned: set[Node] = set()
    spread: set[Node] = set()
    for kernel in kernels:
        multiple = kernel.domain[0] // rows
        reduces = any(s.node.op is Op.REDUCE for s in kernel.statements)
        if kernel.layout is not None and kernel.layout[0] in ("scan", "arg"):
            return False
        if multiple > 1 and reduces and len(kernel.domain) > 1:
            return False
        here = {s.node for s in kernel.statements}
        for statement in kernel.statements:
            for read in statement.reads:
                if read.node in spread:
                    return False
                if (
                    read.node in aligned
                    and read.node not in here
                    and not _by_rows(read, kernel, rows)
                ):
                    return False
            node = statement.node
            by_row = node.op is Op.MAP or (node.op is Op.REDUCE and not node.attr[1][0])
            (aligned if by_row else spread).add(node)
    return True


def _by_rows(read: Read, kernel: Kernel, rows: int) -> bool:
    """Whether at each row only elements of the same row of an array are read."""
    strides, offset = read.access
    multiple = kernel.domain[0] // rows
    if strides[0] * multiple * rows != read.node.size:
        return False
    reach = [s * (n - 1) for s, n in zip(strides[1:], kernel.domain[1:], strict=True)]
    low = offset + sum(r for r in reach if r < 0)
    high = offset + sum(r for r in reach if r > 0)
    return low >= 0 and high < strides[0]


def _settle(steps: list[Step | Strip], outputs: set[Node], schedule: Schedule) -> None:
    """Which arrays are local, which reductions are carried, and the size of the blocks."""
    read_outside: dict[Node, int] = {}
    for number, step in enumerate(steps):
        for node in _nodes_read(step, schedule):
            read_outside.setdefault(node, number)
            if read_outside[node] != number:
                read_outside[node] = -1
    for number, step in enumerate(steps):
        if not isinstance(step, Strip):
            continue
        for kernel in step.kernels:
            for statement in kernel.statements:
                node = statement.node
                if node.op is Op.REDUCE and node.attr[1][0]:
                    step.carried.add(node)
                elif (
                    node.op is not Op.UPDATE
                    and node not in outputs
                    and read_outside.get(node, number) == number
                ):
                    step.local.add(node)
        step.block = _block(step)


def _nodes_read(step: Step | Strip, schedule: Schedule) -> set[Node]:
    if isinstance(step, Fill):
        return {step.source}
    kernels = (
        step.kernels if isinstance(step, Strip) else [step] if isinstance(step, Kernel) else []
    )
    statements = [s for k in kernels for s in k.statements]
    if isinstance(step, Statement):
        return {r.node for r in step.node.args}
    return {r.node for s in statements for r in s.reads}


def _block(strip: Strip) -> int:
    """Rows whose arrays fit into the nearest cache; a divisor of the rows if there is one."""
    nodes = {n for k in strip.kernels for s in k.statements for n in _row_arrays(s, strip)}
    row_bytes = sum(8 * n.size // strip.rows for n in nodes)
    most = max(16, min(512, BLOCK_BYTES // max(8, row_bytes), strip.rows))
    divisors = [b for b in range(max(1, most // 2), most + 1) if strip.rows % b == 0]
    return max(divisors, key=lambda b: (b % 8 == 0, b % 4 == 0, b), default=most // 8 * 8)


def _row_arrays(statement: Statement, strip: Strip) -> set[Node]:
    found = {r.node for r in statement.reads if r.node.size >= strip.rows}
    if statement.node in strip.local:
        found.add(statement.node)
    return {n for n in found if n.op in LEAVES or n in strip.local}
