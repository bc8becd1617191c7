"""Special functions run on tensors: what their text means, for tests and for reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor


@final
class TorchBuilder:
    """A :class:`~pyro.compile.math.builder.ScalarBuilder` on float64 tensors.

    Example::

        >>> from pyro.compile.math import FUNCTIONS
        >>> from pyro.compile.math.torch_builder import TorchBuilder
        >>> FUNCTIONS["exp"](TorchBuilder(), torch.tensor([0.0, 1.0], dtype=torch.float64))
        tensor([1.0000, 2.7183], dtype=torch.float64)
    """

    has_fma = False

    def const(self, number: float) -> Tensor:
        return torch.tensor(number, dtype=torch.float64)

    def _value(self, x: Tensor | float) -> Tensor:
        return x if isinstance(x, Tensor) else self.const(x)

    def _word(self, x: Tensor | int) -> Tensor:
        if isinstance(x, Tensor):
            return x
        return torch.tensor(x - (1 << 64) if x >> 63 > 0 else x, dtype=torch.int64)

    def add(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) + self._value(y)

    def sub(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) - self._value(y)

    def mul(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) * self._value(y)

    def div(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) / self._value(y)

    def fma(self, x: Tensor | float, y: Tensor | float, z: Tensor | float) -> Tensor:
        return self._value(x) * self._value(y) + self._value(z)

    def neg(self, x: Tensor) -> Tensor:
        return -x

    def abs(self, x: Tensor) -> Tensor:
        return x.abs()

    def sqrt(self, x: Tensor) -> Tensor:
        return x.sqrt()

    def floor(self, x: Tensor) -> Tensor:
        return x.floor()

    def trunc(self, x: Tensor) -> Tensor:
        return x.trunc()

    def rint(self, x: Tensor) -> Tensor:
        return x.round()

    def copysign(self, x: Tensor | float, sign: Tensor) -> Tensor:
        return torch.copysign(self._value(x), sign)

    def min(self, x: Tensor | float, limit: Tensor | float) -> Tensor:
        return self.select(self.lt(limit, x), limit, x)

    def max(self, x: Tensor | float, limit: Tensor | float) -> Tensor:
        return self.select(self.gt(limit, x), limit, x)

    def select(self, condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
        return torch.where(condition, self._value(x), self._value(y))

    def rare(self, condition: Tensor, rarely: Callable[[], Tensor], otherwise: Tensor) -> Tensor:
        return torch.where(condition, rarely(), otherwise)

    def lt(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) < self._value(y)

    def le(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) <= self._value(y)

    def gt(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) > self._value(y)

    def ge(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x) >= self._value(y)

    def eq(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x).eq(self._value(y))

    def ne(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        return self._value(x).ne(self._value(y))

    def is_nan(self, x: Tensor) -> Tensor:
        return x.isnan()

    def logical_and(self, x: Tensor, y: Tensor) -> Tensor:
        return x & y

    def logical_or(self, x: Tensor, y: Tensor) -> Tensor:
        return x | y

    def logical_not(self, x: Tensor) -> Tensor:
        return ~x

    def to_bits(self, x: Tensor) -> Tensor:
        return x.contiguous().view(torch.int64)

    def from_bits(self, word: Tensor | int) -> Tensor:
        return self._word(word).contiguous().view(torch.float64)

    def int_add(self, x: Tensor | int, y: Tensor | int) -> Tensor:
        return self._word(x) + self._word(y)

    def int_sub(self, x: Tensor | int, y: Tensor | int) -> Tensor:
        return self._word(x) - self._word(y)

    def int_mul(self, x: Tensor | int, y: Tensor | int) -> Tensor:
        return self._word(x) * self._word(y)

    def int_and(self, x: Tensor | int, y: Tensor | int) -> Tensor:
        return self._word(x) & self._word(y)

    def int_or(self, x: Tensor | int, y: Tensor | int) -> Tensor:
        return self._word(x) | self._word(y)

    def int_xor(self, x: Tensor | int, y: Tensor | int) -> Tensor:
        return self._word(x) ^ self._word(y)

    def shift_left(self, x: Tensor, count: int) -> Tensor:
        return x << count

    def shift_right(self, x: Tensor, count: int) -> Tensor:
        return (x >> count) & ((1 << (64 - count)) - 1)

    def table(self, name: str, words: Sequence[int], index: Tensor) -> Tensor:
        return torch.tensor(words)[index]

    def to_int(self, x: Tensor) -> Tensor:
        return x.long()

    def to_float(self, x: Tensor) -> Tensor:
        return x.double()

    def libm(self, name: str, x: Tensor) -> Tensor:
        function: Callable[[Tensor], Tensor] = getattr(torch, name)
        return function(x)
