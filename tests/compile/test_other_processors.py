"""Programs are valid code for 64-bit ARM as well; it is written here, and cannot run here."""

from __future__ import annotations

import functools
import re
import struct

import llvmlite.binding as llvm
import pytest
from torch.utils import _pytree as pytree

from pyro.compile.emit import Interface, write_program
from pyro.compile.emit.driver import Carried, write_driver
from pyro.compile.emit.program import Target
from pyro.compile.function import _Specialisation
from pyro.compile.fuse import Fusion
from pyro.compile.math import FUNCTIONS, Definition, LlvmModule
from pyro.compile.program import Program
from pyro.compile.schedule import Schedule
from tests.compile.models import SIZES, compiled
from tests.compile.programs import CASES
from tests.compile.test_rows import with_gradients

TRIPLES = {"aarch64-unknown-linux-gnu": 183, "x86_64-unknown-linux-gnu": 62}  # numbers of ELF
ARM = "aarch64-unknown-linux-gnu"
OF_ONE_PROCESSOR = re.compile(r"@llvm\.(x86|aarch64|arm)\.|asm ")
MODELS = ("gaussian_process", "hierarchical_glm", "hmm", "negative_binomial")


@functools.cache
def machine(triple: str) -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        return llvm.Target.from_triple(triple).create_target_machine(opt=2, jit=True)
    except RuntimeError:
        pytest.skip(f"this LLVM writes no code for {triple}")


def assert_valid(text: str, triple: str = ARM) -> None:
    """LLVM accepts the text, and makes an object file of that processor."""
    assert OF_ONE_PROCESSOR.search(text) is None
    module = llvm.parse_assembly(text, llvm.create_context())
    module.verify()
    code = machine(triple).emit_object(module)
    assert code[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", code, 18) == (TRIPLES[triple],)


def written(program: Program, density: bool, dim: int, target: Target) -> str:
    interface = Interface(density, dim, tuple(v.node for v in program.outputs))
    found = write_program(Schedule(Fusion(program.graph, program.ends)), interface, target)
    return found.text + write_driver(Carried((8,), 1, 3), found.text)


@pytest.mark.parametrize("case", CASES[::12], ids=lambda c: c.name)
def test_rows(case) -> None:
    leaves, spec = pytree.tree_flatten((case.inputs, {}))
    made = _Specialisation(with_gradients(case), leaves, spec)
    assert_valid(written(made.program, False, 0, Target(2, True)))


@pytest.mark.parametrize(
    "name", [n if n in MODELS else pytest.param(n, marks=pytest.mark.slow) for n in SIZES]
)
def test_models(name: str) -> None:
    density = compiled(name)
    assert_valid(written(density._program, True, density.dim, Target(2, True)))


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_special_functions(name: str, width: int) -> None:
    module = LlvmModule()
    definition = Definition(FUNCTIONS[name], width, True)
    text = definition.text(module, linkage="") + "\n" + module.text()
    assert_valid(text)
