"""LLVM's description of the host, and machine code for it, in the memory of this process.

Where it may, code finds its constants by their distance, in the operand of the instruction that
needs them. By default LLVM would load the full address of each one first, ten bytes a time.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

import llvmlite.binding as llvm

# Functions of the C library that LLVM calls of its own are found in a table, as ours are.
_FLAGS = '\n!llvm.module.flags = !{!900}\n!900 = !{i32 7, !"RtLibUseGOT", i32 1}\n'
_SYMBOLS, _RELOCATIONS, _DIRECT_CALL = 2, 4, 4  # numbers of the ELF format


@functools.cache
def features() -> str:
    """LLVM's list of the features of the host's processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    found: str = llvm.get_host_cpu_features().flatten()
    return found


@functools.cache
def may_be_near() -> bool:
    """Whether code and its constants can be placed in one piece of memory."""
    triple: str = llvm.get_process_triple()
    return triple.startswith("x86_64") and "linux" in triple


def target_machine(cpu: str, level: int, near: bool) -> llvm.TargetMachine:
    """A description of the host.

    :param cpu: the processor whose timings LLVM goes by.
    :param level: how hard LLVM works on the code, 0 to 3.
    :param near: whether constants are found by their distance.
    """
    known = features()
    model = {"reloc": "pic", "codemodel": "small"} if near else {}
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=cpu, features=known, opt=level, jit=True, **model
    )


def object_of(text: str, cpu: str, level: int) -> bytes:
    """Machine code of a module, as an object file; see :func:`target_machine`."""
    machine = target_machine(cpu, level, may_be_near())
    context = llvm.create_context()
    module = llvm.parse_assembly(text + _FLAGS, context)
    code: bytes = machine.emit_object(module)
    if may_be_near() and calls_afar(code):
        code = target_machine(cpu, level, False).emit_object(module)
    module.close()
    context.close()
    return code


def engine_of(code: llvm.ObjectFileRef, empty: llvm.ModuleRef, cpu: str) -> llvm.ExecutionEngine:
    """An object file in memory, ready to run.

    :param empty: a module that outlives the engine.
    """
    machine = target_machine(cpu, 0, may_be_near())  # the engine takes possession of it
    engine = llvm.create_mcjit_compiler(empty, machine, True if may_be_near() else None)
    engine.add_object_file(code)
    engine.finalize_object()
    return engine


def calls_afar(code: bytes) -> bool:
    """Whether an object file calls a function that it has not, by distance.

    LLVM would write a jump for it, for which its memory beside the code has no room.
    """
    sections = list(_sections(code))
    undefined = {
        index
        for kind, start, end in sections
        if kind == _SYMBOLS
        for index, entry in enumerate(struct.iter_unpack("<IBBHQQ", code[start:end]))
        if not entry[3]
    }
    return any(
        info & 0xFFFFFFFF == _DIRECT_CALL and info >> 32 in undefined
        for kind, start, end in sections
        if kind == _RELOCATIONS
        for _, info, _ in struct.iter_unpack("<QQq", code[start:end])
    )


def _sections(code: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each section of an ELF file for 64 bits."""
    (first,) = struct.unpack_from("<Q", code, 0x28)
    size, count = struct.unpack_from("<HH", code, 0x3A)
    for at in range(first, first + size * count, size):
        (kind,) = struct.unpack_from("<I", code, at + 4)
        start, length = struct.unpack_from("<QQ", code, at + 24)
        yield kind, start, start + length
