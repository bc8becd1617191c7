"""A step that is repeated in machine code: its results are the next step's state."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from pyro.compile.graph import DTYPE_KIND, TORCH_DTYPE
from pyro.compile.products import left_over
from pyro.compile.program import ALIGN, Program, build_iteration
from pyro.compile.report import Report

_ITERATE = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 6, ctypes.c_int64)


class Slice(NamedTuple):
    """A tensor of the program whose elements are in an array of the state, from ``offset`` on."""

    tensor: Tensor
    array: int
    offset: int


class _Held(NamedTuple):
    """An input as it was given, and in the type that the code reads."""

    given: Tensor
    version: int
    converted: Tensor

    def is_of(self, x: Tensor) -> bool:
        """Whether this is ``x`` as it is now, which only torch can tell of memory of its own."""
        return (
            self.given is x
            and self.version == _version(x) >= 0
            and (x.untyped_storage().resizable() or self.converted.data_ptr() == x.data_ptr())
        )


def _version(x: Tensor) -> int:
    """Counts writes; negative where torch does not count them."""
    return -1 if x.is_inference() else x._version


class Outcome(NamedTuple):
    """What a step returns.

    :param value: a real number, kept for each step.
    :param go_on: a truth value; if it is false, the state stays and the iteration ends.
    :param state: the arrays of the next step.
    :param extras: arrays that can be read after the last step.
    """

    value: Tensor
    go_on: Tensor
    state: Sequence[Tensor]
    extras: Sequence[Tensor] = ()


@final
class Iteration:
    """Machine code of a step, and of a loop over it. Made by :func:`compile_iteration`."""

    def __init__(
        self, program: Program, state: Sequence[Tensor], inputs: Sequence[Tensor], extras: int
    ) -> None:
        self._program = program
        self._iterate = _ITERATE(program.code.loaded.address("iterate"))
        self._state = tuple(state)
        given, returned = program.positions()
        self._kinds = [
            torch.float32 if len(state) + k in given else TORCH_DTYPE[DTYPE_KIND[x.dtype]]
            for k, x in enumerate(inputs)
        ]
        self._held: list[_Held | None] = [None] * len(inputs)
        self._value = torch.zeros((), dtype=torch.float64)
        self._go_on = torch.zeros((), dtype=torch.bool)
        self._next = [torch.zeros_like(x) for x in state]
        first = 2 + len(state)
        self.extras = [
            torch.zeros(max(1, view.numel), dtype=_real(first + k in returned))
            for k, view in enumerate(program.outputs[first : first + extras])
        ]
        self._outputs = _table([self._value, self._go_on, *self._next, *self.extras])
        self._code = ctypes.c_int32()
        self._inputs = _table([*self._state, *([self._state[0]] * len(inputs))])
        self._one = ctypes.c_double()
        self._scratch = torch.empty(program.code.scratch_bytes + ALIGN, dtype=torch.uint8)

    def run(self, n: int, inputs: Sequence[Tensor] = ()) -> tuple[list[float], bool]:
        """Make up to ``n`` steps: their values, and whether the last was refused.

        The value of a step that was refused, because it says so or a branch of a library took
        another way, is not among them. The arrays of the state are changed in place.

        :raises CompiledCodeError: if the code failed.
        """
        if n == 1:
            return ([self._one.value], False) if self._call(1, self._one, inputs) else ([], True)
        values = (ctypes.c_double * n)()
        made = self._call(n, values, inputs)
        return values[:made], made < n

    def _call(self, n: int, values: Any, inputs: Sequence[Tensor]) -> int:
        first = len(self._state)
        for k, x in enumerate(inputs):
            self._inputs[first + k] = self._address(k, x)
        scratch = -(-self._scratch.data_ptr() // ALIGN) * ALIGN
        with self._program.interruptible():
            made: int = self._iterate(
                self._program.context,
                self._inputs,
                self._outputs,
                scratch,
                ctypes.addressof(values),
                ctypes.addressof(self._code),
                n,
            )
        if made < n and self._code.value:
            self._program.raise_failure(self._code.value)
        return made

    def _address(self, k: int, x: Tensor) -> int:
        """Where an input is, in the type that the code reads."""
        held = self._held[k]
        if held is None or not held.is_of(x):
            kind = self._kinds[k]
            held = _Held(x, _version(x), x.detach().to(kind).contiguous())
            self._held[k] = held
        address: int = held.converted.data_ptr()
        return address

    @property
    def products_left(self) -> int:
        """How many products of numbers, within products of matrices, no routine of BLAS makes."""
        return left_over(self._program.nodes)

    @property
    def torch_draws(self) -> bool:
        """Whether torch draws random numbers in the middle of the code."""
        return self._program.torch_draws

    def report(self) -> Report:
        """What became of the step."""
        return self._program.report()


def _real(single: bool) -> torch.dtype:
    return torch.float32 if single else torch.float64


def _table(tensors: Sequence[Tensor]) -> Any:
    return (ctypes.c_void_p * max(1, len(tensors)))(*(t.data_ptr() for t in tensors))


def compile_iteration(
    step: Callable[[], Outcome],
    state: Sequence[Tensor],
    slices: Sequence[Slice] = (),
    inputs: Sequence[Tensor] = (),
    products: str | None = None,
    meanwhile: Callable[[Mapping[str, float]], object] | None = None,
) -> Iteration:
    """Machine code of a step, and of the loop over it.

    ``step`` runs once. It reads the very tensors of ``state``, ``slices`` and ``inputs``, and
    nothing else that changes.

    :param step: returns the value and the arrays of the next step.
    :param state: contiguous float64 vectors, or float32 ones where products are ``"sgemm"``. The
        first is the key of the random numbers, in float64, of which ``step`` returns the next one.
    :param slices: tensors of the program that hold what is in parts of the state.
    :param inputs: tensors that are given anew to each run, of the same shapes.
    :param products: the routine of BLAS for large products of matrices, ``"dgemm"`` or
        ``"sgemm"``; with that, float32 tensors are float32 in memory. None: they are loops.
    :param meanwhile: called while LLVM works, with the seconds of the stages until then; not if
        there is code already. It must not raise.
    :raises NotCapturable: if control flow depends on values, or the step changes tensors of others.

    Example::

        >>> from pyro.compile.iteration import Outcome, compile_iteration
        >>> from pyro.compile.draws import make_key
        >>> key, x = make_key(0), torch.zeros(3, dtype=torch.float64)
        >>> def step():
        ...     moved = x + torch.arange(3)
        ...     return Outcome(moved.sum(), moved[2] < 7, [key, moved])
        >>> compile_iteration(step, [key, x]).run(10), x
        (([3.0, 6.0, 9.0], True), tensor([0., 3., 6.], dtype=torch.float64))
    """
    found: list[Outcome] = []

    def flat() -> list[Tensor]:
        outcome = step()
        found[:] = [outcome]
        return [outcome.value, outcome.go_on, *outcome.state, *outcome.extras]

    program = build_iteration(flat, tuple(state), tuple(inputs), tuple(slices), products, meanwhile)
    return Iteration(program, state, inputs, len(found[0].extras))
