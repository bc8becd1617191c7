"""Machine code by the structure of its program: new data of the same shapes use it again.

Code that this process has made is kept in memory; code that any process has made, in files.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from pyro.compile import switch
from pyro.compile.callout import CallOut
from pyro.compile.disk import Folder
from pyro.compile.ir import Node, Op, Routine, View
from pyro.compile.jit import Loaded, machine
from pyro.compile.math import FUNCTIONS, Definition, provide
from pyro.version import __version__

LARGEST = 256  # programs that are kept in memory


@dataclass(frozen=True)
class Code:
    """What does not depend on the constants of a program.

    :param loaded: the machine code.
    :param scratch_bytes: scratch memory of a call.
    :param loops: loop nests that were written.
    :param size: bytes of the code.
    """

    loaded: Loaded
    scratch_bytes: int
    loops: int
    size: int


@dataclass(frozen=True)
class Made:
    """Machine code before it is loaded.

    :param code: an object file.
    :param needs: special functions that it calls.
    """

    code: bytes
    needs: tuple[Definition, ...]
    scratch_bytes: int
    loops: int

    def load(self) -> Code:
        """Into the memory of this process, with what it needs."""
        provide(self.needs, objects())
        return Code(Loaded(self.code), self.scratch_bytes, self.loops, len(self.code))

    def to_bytes(self) -> bytes:
        """One line of text, then the object file."""
        needs = [(d.function.name, d.width, d.fused) for d in self.needs]
        head = {"needs": needs, "scratch_bytes": self.scratch_bytes, "loops": self.loops}
        return json.dumps(head).encode() + b"\n" + self.code

    @classmethod
    def from_bytes(cls, content: bytes) -> Made:
        """What :meth:`to_bytes` wrote."""
        line, code = content.split(b"\n", 1)
        head: dict[str, Any] = json.loads(line)
        needs = tuple(Definition(FUNCTIONS[n], width, fused) for n, width, fused in head["needs"])
        return cls(code, needs, head["scratch_bytes"], head["loops"])


def _compiler() -> tuple[tuple[str, int, int], ...]:
    """The source of the compiler: code of an edited one is not that of the one before."""
    root = Path(__file__).parent
    found = []
    for file in sorted(root.rglob("*.py")):
        status = file.stat()
        found.append((str(file.relative_to(root)), status.st_size, status.st_mtime_ns))
    return tuple(found)


_COMPILER = _compiler()  # as it is when this process reads it
_LOCK = threading.Lock()
_KNOWN: OrderedDict[Hashable, Code] = OrderedDict()


def structure(nodes: list[Node], outputs: tuple[View, ...], interface: Hashable) -> Hashable:
    """Equal for programs that have the same code; arrays of constants count by place alone.

    :param nodes: all on which the outputs depend, in topological order.
    """
    position = {node: k for k, node in enumerate(nodes)}
    described = tuple(_description(node, position) for node in nodes)
    return described, tuple(position[view.node] for view in outputs), interface


def _description(node: Node, position: dict[Node, int]) -> Hashable:
    args = tuple((position[r.node], r.strides, r.offset) for r in node.args)
    attr = node.attr
    if node.op is Op.LITERAL:
        attr = (type(attr).__name__, float(attr).hex())
    elif isinstance(attr, Routine):  # which operation torch executes is no part of the code
        plain = [p for p in attr.parameters if not isinstance(p, CallOut)]
        attr = (attr.name, *plain, attr.sizes, attr.kinds)
    return node.op, node.domain, node.kind, args, attr, node.size


def code_for(key: Hashable, make: Callable[[], Made]) -> tuple[Code, str]:
    """The code of a structure, and where it was: in ``memory``, in a ``file``, or ``nowhere``."""
    with _LOCK:
        found = _KNOWN.get(key)
        if found is not None:
            _KNOWN.move_to_end(key)
            return found, "memory"
    made, origin = _from_file(key, make)
    code = made.load()
    with _LOCK:
        _KNOWN[key] = code
        while len(_KNOWN) > LARGEST:
            _KNOWN.popitem(last=False)
    return code, origin


def _from_file(key: Hashable, make: Callable[[], Made]) -> tuple[Made, str]:
    files = objects()
    if not isinstance(files, Folder):
        return make(), "nowhere"
    name = _file_name(key)
    content = files.get(name)
    if content is not None:
        return Made.from_bytes(content), "file"
    made = make()
    if _compiler() == _COMPILER:  # otherwise this is code of neither
        files[name] = made.to_bytes()
    return made, "nowhere"


def _file_name(key: Hashable) -> str:
    return hashlib.sha256(repr((*_surroundings(), key)).encode()).hexdigest()


def forget(key: Hashable) -> None:
    """The code of a structure is wrong: it is made anew when it is next asked for."""
    with _LOCK:
        _KNOWN.pop(key, None)
    objects().pop(_file_name(key), None)


def clear() -> None:
    """Forget the code in memory that no compiled function holds."""
    with _LOCK:
        _KNOWN.clear()


def folder() -> Path:
    """``PYRO_CACHE_DIR``, or ``pyro`` in ``XDG_CACHE_HOME``, or ``~/.cache/pyro``."""
    named = os.environ.get("PYRO_CACHE_DIR")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyro"


def objects() -> MutableMapping[str, bytes]:
    """The files of the cache; an empty mapping where it is switched off."""
    return _files(folder() / "code") if switch.CACHE else {}


_files = functools.cache(Folder)


@functools.cache
def _surroundings() -> tuple[Hashable, ...]:
    """What machine code depends on besides its program, and which compiler made it."""
    host = machine()
    triple = llvm.get_process_triple()
    return (__version__, _COMPILER, llvm.llvm_version_info, triple, host.name, host.features)
