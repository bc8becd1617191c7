"""Special functions compiled by LLVM and applied to tensors, one vector after another."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from itertools import count

import llvmlite.binding as llvm
import torch
from torch import Tensor

from pyro.compile.math import Function, LlvmBuilder, LlvmModule, emit

ALIGNMENT = "align 8"


def host_machine() -> llvm.TargetMachine:
    """A target machine for this host; an engine takes possession of it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        jit=True,
    )


def loop_ir(
    function: Function, width: int, inline: bool | None, fused: bool, library: bool = False
) -> str:
    """A module with ``run(n, in..., out)``, where ``width`` divides ``n``."""
    lines: list[str] = []
    module = LlvmModule(library=library)
    b = LlvmBuilder(lines, width, count(), module, fused=fused)
    pointers = [f"%in{k}" for k in range(function.arity)]
    operands = []
    for k, pointer in enumerate(pointers):
        lines.append(f"  %p{k} = getelementptr double, ptr {pointer}, i64 %i")
        lines.append(f"  %v{k} = load {b.type}, ptr %p{k}, {ALIGNMENT}")
        operands.append(f"%v{k}")
    value = emit(b, function, *operands, inline=inline)
    head = ", ".join(["i64 %n", *(f"ptr noalias {p}" for p in pointers), "ptr noalias %out"])
    return "\n".join(
        [
            f"define void @run({head}) {{",
            "  %empty = icmp eq i64 %n, 0",
            "  br i1 %empty, label %end, label %loop",
            "loop:",
            "  %i = phi i64 [0, %0], [%next, %loop]",
            *lines,
            "  %q = getelementptr double, ptr %out, i64 %i",
            f"  store {b.type} {value}, ptr %q, {ALIGNMENT}",
            f"  %next = add i64 %i, {width}",
            "  %more = icmp ult i64 %next, %n",
            "  br i1 %more, label %loop, label %end",
            "end:",
            "  ret void",
            "}",
            module.text(),
        ]
    )


class Native:
    """A compiled loop; keeps its machine code alive."""

    def __init__(self, ir: str, arity: int) -> None:
        machine = host_machine()
        module = llvm.parse_assembly(ir)
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        self.assembly = machine.emit_assembly(module)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()
        address = self._engine.get_function_address("run")
        pointers = [ctypes.c_void_p] * (arity + 1)
        self.run: Callable[..., None] = ctypes.CFUNCTYPE(None, ctypes.c_int64, *pointers)(address)


@cache
def compiled(function: Function, width: int, inline: bool | None, fused: bool) -> Native:
    """The loop over a function."""
    return Native(loop_ir(function, width, inline, fused), function.arity)


def apply(
    function: Function,
    *arguments: Tensor,
    width: int = 4,
    inline: bool | None = None,
    fused: bool = True,
) -> Tensor:
    """The values of a function at one-dimensional float64 tensors of one length."""
    size = arguments[0].numel()
    padding = -size % width
    padded = [torch.nn.functional.pad(x, (0, padding), value=1.0).contiguous() for x in arguments]
    out = torch.empty(size + padding, dtype=torch.float64)
    run = compiled(function, width, inline, fused).run
    run(size + padding, *(x.data_ptr() for x in padded), out.data_ptr())
    return out[:size]
