"""Code and its constants stand in one piece of memory, and find functions of other libraries."""

from __future__ import annotations

import ctypes
import math

import llvmlite.binding as llvm
import pytest

from pyro.compile.math.host import calls_afar, engine_of, may_be_near, object_of, target_machine

BODY = """
define double @run(double %x) {
  %y = call double @cos(double %x)
  %z = fmul double %y, 3.25
  ret double %z
}
declare double @cos(double)"""
FILL = """
define void @run(ptr %to, ptr %from) {
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 800, i1 false)
  ret void
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"""
FOUND = BODY + " nonlazybind"
CPU = "x86-64"
x86_linux = pytest.mark.skipif(not may_be_near(), reason="only there LLVM's default is far")


def loaded(code: bytes) -> tuple[int, object]:
    file = llvm.ObjectFileRef.from_data(code)
    engine = engine_of(file, llvm.parse_assembly(""), CPU)
    return engine.get_function_address("run"), (engine, file, code)


@pytest.mark.parametrize("text", [BODY, FOUND], ids=["called", "found in a table"])
def test_functions_of_other_libraries_are_called(text: str) -> None:
    address, alive = loaded(object_of(text, CPU, 2))
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)(0.5) == math.cos(0.5) * 3.25
    assert alive


def test_functions_that_llvm_calls_of_its_own() -> None:
    address, alive = loaded(object_of(FILL, CPU, 2))
    source, target = (ctypes.c_double * 100)(*range(100)), (ctypes.c_double * 100)()
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)(target, source)
    assert list(target) == list(source)
    assert alive


def emitted(text: str, near: bool) -> bytes:
    module = llvm.parse_assembly(text, llvm.create_context())
    code: bytes = target_machine(CPU, 2, near).emit_object(module)
    return code


@x86_linux
def test_a_call_by_distance_is_seen() -> None:
    assert calls_afar(emitted(BODY, near=True))
    assert not calls_afar(emitted(FOUND, near=True))
    assert not calls_afar(emitted(BODY, near=False))


@x86_linux
def test_a_function_of_the_file_is_near() -> None:
    both = FOUND + "\ndefine double @twice(double %x) {\n  %y = call double @run(double %x)\n"
    assert not calls_afar(emitted(both + "  ret double %y\n}\n", near=True))
