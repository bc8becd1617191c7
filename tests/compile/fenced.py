"""Memory between pages that nobody may touch; run as a program, all programs of the tests in it.

Any access outside of inputs, outputs, constants, scratch memory or context ends the process. What
the code must write before it reads it, is full of nan, or of other numbers, at first.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from pyro.compile import single
from pyro.compile.function import _RUN, _Specialisation
from pyro.compile.program import Program
from tests.compile.case import Case, in_single, narrow, real
from tests.compile.models import SIZES, compiled
from tests.compile.programs import CASES
from tests.compile.test_rows import with_gradients

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
NO_ACCESS, READ = 0, 1
POISON = {False: 0xFF, True: 0x3F}  # nan, and about 0.0005
_DENSITY = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5)

DATA = real(1027, 5, seed=4)


def _regression(x: Tensor, y: Tensor) -> Tensor:
    """Rows in blocks, with some left over."""
    return F.softplus(DATA @ x).sum() - (y * (DATA @ x)).sum()


LARGE = [
    Case("regression", _regression, (real(5), real(1027, seed=2))),
    Case("long", lambda x: (x * real(2053)).exp().cumsum(0).logsumexp(0), (real(2053),)),
    Case("wide", lambda x: (x @ real(130, 70)).tanh().sum(0), (real(33, 130),)),
]


class Fenced:
    """``size`` bytes with a forbidden page directly behind them, or directly before them."""

    def __init__(self, size: int, align: int, before: bool) -> None:
        room = -(-max(size, 1) // PAGE) * PAGE
        self._memory = mmap.mmap(-1, room + 2 * PAGE)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._room = room
        slack = 0 if before else room - -(-size // align) * align
        self.address = self._start + PAGE + slack
        self._protect(self._start, PAGE, NO_ACCESS)
        self._protect(self._start + PAGE + room, PAGE, NO_ACCESS)

    def fill(self, source: Tensor) -> None:
        """Copy the elements of a tensor there, and forbid to write."""
        source = source.contiguous()
        ctypes.memmove(self.address, source.data_ptr(), source.nbytes)
        self._protect(self._start + PAGE, self._room, READ)

    def poison(self, byte: int) -> None:
        """Any content."""
        ctypes.memset(self._start + PAGE, byte, self._room)

    def read(self, like: Tensor) -> Tensor:
        """The elements there."""
        found = torch.empty(like.shape, dtype=like.dtype)
        ctypes.memmove(found.data_ptr(), self.address, found.nbytes)
        return found

    def _protect(self, address: int, size: int, how: int) -> None:
        if LIBC.mprotect(address, size, how):
            raise OSError(ctypes.get_errno(), "mprotect")


def fenced(tensors: list[Tensor], before: bool) -> list[Fenced]:
    """Read-only copies."""
    found = [Fenced(t.nbytes, t.element_size(), before) for t in tensors]
    for place, tensor in zip(found, tensors, strict=True):
        place.fill(tensor)
    return found


def table(addresses: list[int], before: bool) -> Fenced:
    """A read-only array of addresses."""
    numbers = torch.tensor(addresses, dtype=torch.int64)
    return fenced([numbers], before)[0]


def run(
    program: Program, inputs: list[Tensor], results: list[Tensor], before: bool, density: bool
) -> None:
    """One call; the results must be those of a call in ordinary memory."""
    sources = fenced(inputs, before)
    targets = [Fenced(t.nbytes, t.element_size(), before) for t in results]
    scratch = Fenced(program.code.scratch_bytes, 64, before)
    for place in (*targets, scratch):
        place.poison(POISON[before])
    constants = fenced(list(program.graph.constants), before)
    addresses = [c.address for c in constants] + [
        a or 0 for a in list(program._context)[len(constants) :]
    ]
    context = table(addresses, before)
    if density:
        places = [*sources, *targets]
        call: Any = _DENSITY(program.code.loaded.address("run"))
    else:
        places = [table([p.address for p in ps], before) for ps in (sources, targets)]
        call = _RUN(program.code.loaded.address("run"))
    assert call(context.address, *(p.address for p in places), scratch.address) == 0
    for target, expected in zip(targets, results, strict=True):
        torch.testing.assert_close(target.read(expected), expected, rtol=0, atol=0, equal_nan=True)


def check(case: Case, held: torch.dtype) -> None:
    """One program of the table, with its gradient, in fenced memory."""
    given, program = case.inputs, with_gradients(case)
    if held is torch.float32:
        given, program = tuple(map(narrow, given)), in_single(program)
    leaves, spec = pytree.tree_flatten((given, {}))
    made = _Specialisation(program, leaves, spec, held)
    types = zip(given, made.input_types, strict=True)
    inputs = [t.to(dtype).contiguous() for t, dtype in types]
    results = [
        torch.zeros(math.prod(shape), dtype=dtype)
        for (shape, _), dtype in zip(made._metas, made.output_types, strict=True)
    ]
    plain = Ordinary(made)
    plain(inputs, results)
    for before in (False, True):
        run(made.program, inputs, results, before, density=False)


def check_model(name: str, held: torch.dtype) -> None:
    """The density of a model, in fenced memory."""
    density = compiled(name, held)
    k = torch.arange(density.dim, dtype=torch.float64)
    x = 0.3 * torch.sin(7 * k + 1)
    results = list(density.value_and_grad(x))
    for before in (False, True):
        run(density._program, [x], results, before, density=True)


class Ordinary:
    """Calls code on tensors."""

    def __init__(self, made: _Specialisation) -> None:
        self.program = made.program
        self._call: Any = _RUN(made.program.code.loaded.address("run"))

    def __call__(self, inputs: list[Tensor], results: list[Tensor]) -> None:
        with self.program.scratch() as scratch:
            places = [[t.data_ptr() for t in ts] for ts in (inputs, results)]
            tables = [(ctypes.c_void_p * max(1, len(p)))(*p) for p in places]
            assert self._call(self.program.context, *tables, scratch) == 0


def main() -> None:
    """All programs; the one at work is printed, so that the last line names a culprit."""
    print("reading outside", flush=True)
    if "--overrun" in sys.argv:
        place = fenced([torch.ones(4)], "--before" in sys.argv)[0]
        step = -1 if "--before" in sys.argv else 16
        ctypes.c_char.from_address(place.address + step).value  # noqa: B018
    held = torch.float64
    if "--single" in sys.argv:
        held, single.LEAST = torch.float32, 2
    step = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 1
    for case in [*LARGE, *CASES[::step]]:
        print(case.name, flush=True)
        check(case, held)
    for name in SIZES:
        print(name, flush=True)
        check_model(name, held)
    print("done", flush=True)


if __name__ == "__main__":
    main()
