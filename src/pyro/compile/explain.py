"""The loops of a program as pseudo-code."""

from __future__ import annotations

from collections.abc import Iterator, Set

from pyro.compile.affine import Access
from pyro.compile.fuse import LEAVES, Fusion, compose_ref, identity
from pyro.compile.ir import Node, Op, Routine
from pyro.compile.schedule import Fill, Kernel, Schedule, Statement
from pyro.compile.strips import Strip, with_strips

NAMES = {Op.INPUT: "x", Op.DATA: "data"}
SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}


def explain(schedule: Schedule, single: Set[Node] | None = None) -> str:
    """One paragraph per loop nest; ``[3*i + j]`` is a position in a flat array.

    :param single: the nodes that may be in single precision, if that was asked for.
    """
    lines = [] if single is None else [_singles(schedule, single)]
    for step in schedule.steps:
        if isinstance(step, Fill):
            lines.append(f"{_name(step.node)}[:] = {_name(step.source)}")
        elif isinstance(step, Kernel):
            lines.extend(_kernel(step, schedule.fusion))
        else:
            lines.append(_call(step))
            lines.extend(_body(step.node))
    lines += [f"return {', '.join(_name(v.node) for v in schedule.fusion.outputs)}"]
    return "\n".join(lines)


def _singles(schedule: Schedule, single: Set[Node]) -> str:
    fusion = schedule.fusion
    strips = with_strips(schedule, {view.node for view in fusion.outputs})
    local = {n for step in strips if isinstance(step, Strip) for n in step.local}
    held = (n for n in fusion.nodes if n in single and (n.op in LEAVES or n in fusion.stored))
    return f"# in float32: {', '.join(_name(n) for n in held if n not in local) or 'nothing'}"


def _name(node: Node) -> str:
    if node.op is Op.LITERAL:
        return f"{node.attr:.6g}" if isinstance(node.attr, float) else str(node.attr)
    if node.op in NAMES:
        return f"{NAMES[node.op]}{node.attr}"
    return f"n{node.number}"


def _call(statement: Statement) -> str:
    arguments = ", ".join(_name(r.node) for r in statement.reads)
    what = statement.node.attr
    return f"{_name(statement.node)} = {getattr(what, 'name', what)}({arguments})"


def _body(node: Node) -> Iterator[str]:
    """What a loop does at each step; its inputs are numbered anew, and move on with the steps."""
    if not isinstance(node.attr, Routine) or node.attr.name != "loop":
        return
    loop = node.attr.parameters[0]
    yield f"    # {loop.steps} steps; an array is an argument, or a result, of the loop"
    for k, (array, _, start, step) in enumerate(loop.inputs):
        yield f"    x{k} = array{array}[{start} + {step}*step:]"
    yield from (f"    {line}" for line in explain(loop.schedule).splitlines())


def _kernel(kernel: Kernel, fusion: Fusion) -> Iterator[str]:
    indent = ""
    for symbol, n in zip("ijklmnop", kernel.domain, strict=False):
        yield f"{indent}for {symbol} in {n}:"
        indent += "    "
    for statement in kernel.statements:
        yield indent + _statement(statement, fusion)


def _statement(statement: Statement, fusion: Fusion) -> str:
    node = statement.node
    if node.op is Op.MAP:
        target = _at(node, identity(node.domain))
        return f"{target} = {_element(node, identity(node.domain), node.domain, fusion)}"
    access = Access(node.args[-1].strides, node.args[-1].offset)
    if node.op is Op.UPDATE:
        value = node.args[1]
        access = Access(value.strides, value.offset)
        sign = {"set": "=", "add": "+="}.get(statement.mode, f"{statement.mode}=")
        where = _at(node, Access(node.attr.strides, node.attr.offset))
        where += " moved by an index" if node.attr.index_strides else ""
        return f"{where} {sign} {_value(value.node, access, node.domain, fusion)}"
    name, *flags = node.attr
    over = ""
    if flags:
        over = " over " + ", ".join(s for s, f in zip("ijklmnop", flags[0], strict=False) if f)
    value_text = _value(node.args[0].node, access, node.domain, fusion)
    return f"{_name(node)} = {name}{over} of {value_text}"


def _at(node: Node, access: Access) -> str:
    if node.op is Op.LITERAL or node.size == 1:
        return _name(node)
    terms = [
        symbol if stride == 1 else f"{stride}*{symbol}"
        for symbol, stride in zip("ijklmnop", access.strides, strict=False)
        if stride
    ]
    if access.offset or not terms:
        terms.append(str(access.offset))
    return f"{_name(node)}[{' + '.join(terms)}]"


def _value(node: Node, access: Access, domain: tuple[int, ...], fusion: Fusion) -> str:
    if node.op is not Op.MAP or node in fusion.stored:
        return _at(node, access)
    return _element(node, access, domain, fusion)


def _element(node: Node, access: Access, domain: tuple[int, ...], fusion: Fusion) -> str:
    fn = node.attr[0]
    parts = []
    for ref in node.args:
        inner = compose_ref(domain, access, node, ref) or Access((0,) * len(domain), 0)
        parts.append(_value(ref.node, inner, domain, fusion))
    if fn == "copy":
        return parts[0]
    if fn in SIGNS:
        return f"({parts[0]} {SIGNS[fn]} {parts[1]})"
    return f"{fn}({', '.join(parts)})"
