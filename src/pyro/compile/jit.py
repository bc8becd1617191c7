"""From LLVM text to addresses of functions."""

from __future__ import annotations

import functools
import itertools
import threading
from dataclasses import dataclass

import llvmlite.binding as llvm

from pyro.compile.emit.program import Target

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
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return Machine(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def target_machine(level: int) -> llvm.TargetMachine:
    """LLVM's description of the host; ``level`` is how hard it works on the code."""
    host = machine()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=host.tuned_for, features=host.features, opt=level, jit=True
    )


def assemble(text: str, level: int) -> bytes:
    """Machine code of a module, as an object file."""
    with _LOCK:
        context = llvm.create_context()
        module = llvm.parse_assembly(text, context)
        found: bytes = target_machine(level).emit_object(module)
        module.close()
        context.close()
        return found


class Loaded:
    """Machine code in memory; it stays as long as this object."""

    def __init__(self, code: bytes) -> None:
        with _LOCK:
            empty = llvm.parse_assembly("")  # in the global context, which outlives the engine
            self._engine = llvm.create_mcjit_compiler(empty, target_machine(0))
            self._code = code  # LLVM does not copy it
            self._object = llvm.ObjectFileRef.from_data(code)
            self._engine.add_object_file(self._object)
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function begins."""
        found: int = self._engine.get_function_address(name)
        return found
