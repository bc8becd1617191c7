"""Branches of library code on values: machine code compares, and runs the program if they differ.

A library often asks whether a rare case occurs at all before it computes it. Machine code holds the
branch that capture saw, and compares the answer. A branch of the user's own program is no such
question: it ends capture.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from pyro.compile.callout import Slot
from pyro.compile.ir import View
from pyro.compile.not_capturable import NotCapturable
from pyro.errors import ShapeError
from pyro.interrupts import let_through

SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)


class Guard(NamedTuple):
    """A truth value that decided a branch.

    :param view: the truth value, of shape ().
    :param expected: what it was.
    :param where: ``file:line`` of the user's program.
    """

    view: View
    expected: bool
    where: str


@final
class Fallback:
    """The program itself, at an address that machine code jumps to when a guard fails.

    It takes the GIL. An exception is kept in :attr:`error`, and the code returns 1.

    :param fn: the program that was captured; it returns tensors.
    :param inputs: what it takes.
    :param outputs: what it returns.
    :param density: the arrays are arguments of the call; otherwise they are in two tables.
    :param where: ``file:line`` of the first branch.
    """

    def __init__(
        self,
        fn: Callable[..., Sequence[Tensor]],
        inputs: Sequence[Slot],
        outputs: Sequence[Slot],
        density: bool,
        where: str,
    ) -> None:
        self._where = where
        self._fn = fn
        self._inputs = inputs
        self._outputs = outputs
        self._density = density
        self.runs = 0
        self.error: BaseException | None = None
        self._pointer = SIGNATURE(self._run)
        self.address: int = ctypes.cast(self._pointer, ctypes.c_void_p).value or 0

    def _run(self, *addresses: int) -> int:
        self.runs += 1
        try:
            sources, targets = self._arrays(*addresses)
            given = [slot.read(p) for slot, p in zip(self._inputs, sources, strict=True)]
            with let_through(), torch.enable_grad():
                found = self._fn(*given)
            for slot, address, value in zip(self._outputs, targets, found, strict=True):
                if slot.shape != value.shape:
                    raise ShapeError(
                        f"a branch returned shape {tuple(value.shape)} where the one that was "
                        f"compiled returns {slot.shape}"
                    )
                slot.write(address, value.detach())
        except BaseException as error:  # must not pass through the code
            self.error = error
            return 1
        return 0

    def hold_single(self, inputs: Iterable[int], outputs: Iterable[int]) -> None:
        """Some of the arrays, by position, are in single precision."""
        for slots, positions in ((self._inputs, inputs), (self._outputs, outputs)):
            for k in positions:
                slots[k].held = torch.float32

    def check_use(self, calls: int) -> None:
        """After ``calls`` calls of the code at different points.

        :raises NotCapturable: if the program itself had to run in all of them.
        """
        if calls and self.runs >= calls:
            raise NotCapturable(
                "a branch of a library takes another way at other inputs", self._where
            )

    def _arrays(self, first: int, second: int, third: int) -> tuple[list[Any], list[Any]]:
        """Where inputs and outputs are."""
        if self._density:
            return [first], [second, third]
        return _table(first, len(self._inputs)), _table(second, len(self._outputs))


def _table(address: int, count: int) -> list[Any]:
    return list((ctypes.c_void_p * count).from_address(address)) if count else []
