"""From LLVM text to addresses of functions."""

from __future__ import annotations

import functools
import itertools
import threading
from dataclasses import dataclass

import llvmlite.binding as llvm

from pyro.compile.emit.program import Target
from pyro.compile.math.host import engine_of, features, object_of

_LOCK = threading.Lock()
_SERIAL = itertools.count()


@dataclass(frozen=True)
class Machine:
    """The processor that runs this program.

    :param name: LLVM's name of it.
    :param features: LLVM's list of its features.
    """

    name: str
    features: str

    @property
    def tuned_for(self) -> str:
        """The processor whose timings LLVM goes by; the features are the host's all the same.

        With those of AMD's, it schedules each block once more after the registers are known: of no
        use where instructions run out of order, and a third of the time for long blocks.
        """
        return "haswell" if self.name.startswith("znver") else self.name

    @functools.cached_property
    def target(self) -> Target:
        has = {f[1:] for f in self.features.split(",") if f.startswith("+")}
        width = 8 if "avx512f" in has else 4 if "avx2" in has else 2
        arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
        return Target(width, "fma" in has or arm)


@functools.cache
def machine() -> Machine:
    """The host, found once."""
    has = features()  # which makes the target known to LLVM
    return Machine(llvm.get_host_cpu_name(), has)


def assemble(text: str, level: int) -> bytes:
    """Machine code of a module, as an object file."""
    with _LOCK:
        return object_of(text, machine().tuned_for, level)


class Loaded:
    """Machine code in memory; it stays as long as this object."""

    def __init__(self, code: bytes) -> None:
        with _LOCK:
            empty = llvm.parse_assembly("")  # in the global context, which outlives the engine
            self._code = code  # LLVM does not copy it
            self._object = llvm.ObjectFileRef.from_data(code)
            self._engine = engine_of(self._object, empty, machine().tuned_for)

    def address(self, name: str) -> int:
        """Where a function begins."""
        found: int = self._engine.get_function_address(name)
        return found
