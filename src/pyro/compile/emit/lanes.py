"""The dim of a kernel along which vectors lie."""

from __future__ import annotations

from pyro.compile.emit.space import best_lanes
from pyro.compile.ir import Op, Shape, contiguous
from pyro.compile.schedule import Kernel, Statement


def reduced_flags(statement: Statement) -> tuple[bool, ...]:
    """Which dims of the domain a statement reduces."""
    node = statement.node
    if node.op is Op.REDUCE:
        flags: tuple[bool, ...] = node.attr[1]
        return flags
    return (False,) * len(node.domain)


def target_strides(statement: Statement) -> Shape:
    """Where a statement writes, as strides over its domain."""
    node = statement.node
    if node.op is Op.UPDATE:
        strides: Shape = node.attr.strides
        return strides
    flags = reduced_flags(statement)
    kept = iter(contiguous(tuple(n for n, f in zip(node.domain, flags, strict=True) if not f)))
    return tuple(0 if f else next(kept) for f in flags)


def lanes_of(kernel: Kernel, domain: Shape, width: int) -> int:
    """The dim along which vectors lie; -1 if there are none.

    :param domain: the part of the kernel's domain that is walked.
    :param width: lanes of a vector register.
    """
    statements = kernel.statements
    if _writes_alone(kernel):
        return -1 if target_strides(statements[0])[-1] != 1 else len(domain) - 1
    if kernel.layout == ("write",) or any(s.node.op is Op.SCAN for s in statements):
        return -1
    accesses = [r.access.strides for s in statements for r in s.reads]
    accesses += [target_strides(s) for s in statements if s.node.op is not Op.REDUCE]
    flags = tuple(map(any, zip(*map(reduced_flags, statements), strict=True)))
    arg = kernel.layout is not None and kernel.layout[0] == "arg"
    allowed = [d for d in range(len(domain)) if not (arg and flags[d])]
    return best_lanes(domain, accesses, width, allowed)


def _writes_alone(kernel: Kernel) -> bool:
    first = kernel.statements[0]
    return first.node.op is Op.UPDATE and (
        bool(first.node.attr.index_strides) or first.mode != "set"
    )
