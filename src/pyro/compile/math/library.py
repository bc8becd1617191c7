"""Machine code of special functions, shared by all modules of a process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, MutableMapping

import llvmlite.binding as llvm

from pyro.compile.math.definition import Definition
from pyro.compile.math.host import engine_of, features, may_be_near, object_of
from pyro.compile.math.llvm_module import LlvmModule

_LEVEL = 3


_LOCK = threading.Lock()
_LOADED: dict[str, llvm.ExecutionEngine] = {}


def provide(
    definitions: Iterable[Definition], objects: MutableMapping[str, bytes] | None = None
) -> None:
    """Make special functions known to LLVM, before code that calls them is finalised.

    A module of :class:`~pyro.compile.math.llvm_module.LlvmModule` with ``library=True`` is small:
    what it calls is compiled once in a process, and not even that if ``objects`` has it. The code
    stays in memory until the process ends. Safe to use from several threads.

    :param definitions: what is needed, such as ``module.needs.values()``.
    :param objects: keeps object files by key; a key differs wherever the code does.

    Example::

        >>> from pyro.compile.math import FUNCTIONS, Definition, provide
        >>> provide([Definition(FUNCTIONS["lgamma"], 1, fused=False)])
    """
    with _LOCK:
        for definition in definitions:
            if definition.symbol not in _LOADED:
                code = object_file(definition, {} if objects is None else objects)
                _LOADED[definition.symbol] = _load(definition.symbol, code)


def object_file(definition: Definition, objects: MutableMapping[str, bytes]) -> bytes:
    """Machine code of one function, from ``objects`` or else compiled and put there."""
    module = LlvmModule()
    text = definition.text(module, linkage="") + "\n" + module.text()
    key = _key(text)
    code: bytes | None = objects.get(key)
    if code is None:
        code = object_of(text, llvm.get_host_cpu_name(), _LEVEL)
        objects[key] = code
    return code


def _load(symbol: str, code: bytes) -> llvm.ExecutionEngine:
    empty = llvm.parse_assembly("", llvm.create_context())
    file = llvm.ObjectFileRef.from_data(code)
    engine = engine_of(file, empty, llvm.get_host_cpu_name())
    llvm.add_symbol(symbol, engine.get_function_address(symbol))
    return engine


def _key(text: str) -> str:
    host = (llvm.get_process_triple(), llvm.get_host_cpu_name(), features(), str(may_be_near()))
    parts = (*map(str, llvm.llvm_version_info), str(_LEVEL), *host, text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
