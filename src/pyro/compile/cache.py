"""Machine code by the structure of its program: new data of the same shapes use it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from pyro.compile.emit import Text
from pyro.compile.fuse import live_nodes
from pyro.compile.ir import Node, Op, View
from pyro.compile.jit import Loaded
from pyro.compile.schedule import Schedule

LARGEST = 256  # programs that are kept


@dataclass(frozen=True)
class Code:
    """What does not depend on the constants of a program."""

    schedule: Schedule
    text: Text
    loaded: Loaded
    size: int


_LOCK = threading.Lock()
_KNOWN: OrderedDict[Hashable, Code] = OrderedDict()


def structure(outputs: tuple[View, ...], interface: Hashable) -> Hashable:
    """Equal for programs that have the same code; arrays of constants count by place alone."""
    nodes = live_nodes(view.node for view in outputs)
    position = {node: k for k, node in enumerate(nodes)}
    described = tuple(_description(node, position) for node in nodes)
    return described, tuple(position[view.node] for view in outputs), interface


def _description(node: Node, position: dict[Node, int]) -> Hashable:
    args = tuple((position[r.node], r.strides, r.offset) for r in node.args)
    value = (type(node.attr), node.attr) if node.op is Op.LITERAL else node.attr
    return node.op, node.domain, node.kind, args, value, node.size


def code_for(key: Hashable, make: Callable[[], Code]) -> tuple[Code, bool]:
    """The code of a structure, made if need be; and whether it was there."""
    with _LOCK:
        found = _KNOWN.get(key)
        if found is not None:
            _KNOWN.move_to_end(key)
            return found, True
    made = make()
    with _LOCK:
        _KNOWN[key] = made
        while len(_KNOWN) > LARGEST:
            _KNOWN.popitem(last=False)
    return made, False


def clear() -> None:
    """Forget all code that no compiled function holds."""
    with _LOCK:
        _KNOWN.clear()
