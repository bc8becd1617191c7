"""Special functions as LLVM IR, for scalars and vectors."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partialmethod
from typing import final

from pyro.compile.math.llvm_module import LlvmModule

_ROUND = 6755399441055744.0  # 1.5 * 2**52: a sum with it ends in the bits of an integer
_ROUND_BITS = 0x4338000000000000
_WORD = 1 << 64


@final
class LlvmBuilder:
    """A :class:`~pyro.compile.math.builder.ScalarBuilder` that appends lines of IR.

    Values, conditions and words are operands of the text: SSA names or literals of the types
    ``double``, ``i1`` and ``i64``, or vectors of these. No instruction has a fast-math flag.

    :param lines: where instructions are appended.
    :param width: number of lanes; 1 is a scalar.
    :param names: a counter that names new values ``%m0``, ``%m1``, ...; share it among all
        builders of one LLVM function.
    :param module: receives the declarations of intrinsics.
    :param fused: whether the machine has fused multiply-add.
    :param branches: whether blocks may be added, which changes the current block; for bodies of
        functions of their own.

    Example::

        >>> from itertools import count
        >>> from pyro.compile.math.llvm_builder import LlvmBuilder
        >>> from pyro.compile.math.llvm_module import LlvmModule
        >>> b = LlvmBuilder([], 1, count(), LlvmModule())
        >>> b.add("%x", 1.0), b.lines
        ('%m0', ['  %m0 = fadd double %x, 0x3FF0000000000000'])
    """

    def __init__(
        self,
        lines: list[str],
        width: int,
        names: Iterator[int],
        module: LlvmModule,
        *,
        fused: bool = True,
        branches: bool = False,
    ) -> None:
        self.lines = lines
        self.width = width
        self.module = module
        self.has_fma = fused
        self.branches = branches
        self._names = names
        self._block: str | None = None
        self.type = self._vector("double")
        self._int = self._vector("i64")
        self._bool = self._vector("i1")
        self._suffix = "f64" if width == 1 else f"v{width}f64"

    def _vector(self, scalar: str) -> str:
        return scalar if self.width == 1 else f"<{self.width} x {scalar}>"

    def _splat(self, scalar: str, literal: str) -> str:
        if self.width == 1:
            return literal
        return "<" + ", ".join([f"{scalar} {literal}"] * self.width) + ">"

    def const(self, number: float) -> str:
        (word,) = struct.unpack("<Q", struct.pack("<d", number))
        return self._splat("double", f"0x{word:016X}")

    def int_const(self, number: int) -> str:
        """A word, the same in all lanes."""
        number %= _WORD
        return self._splat("i64", str(number - _WORD if number >> 63 else number))

    def _value(self, x: str | float) -> str:
        return x if isinstance(x, str) else self.const(x)

    def _word(self, x: str | int) -> str:
        return x if isinstance(x, str) else self.int_const(x)

    def _emit(self, instruction: str) -> str:
        name = f"%m{next(self._names)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def _binary(self, operation: str, x: str | float, y: str | float) -> str:
        return self._emit(f"{operation} {self.type} {self._value(x)}, {self._value(y)}")

    def add(self, x: str | float, y: str | float) -> str:
        return self._binary("fadd", x, y)

    def sub(self, x: str | float, y: str | float) -> str:
        return self._binary("fsub", x, y)

    def mul(self, x: str | float, y: str | float) -> str:
        return self._binary("fmul", x, y)

    def div(self, x: str | float, y: str | float) -> str:
        return self._binary("fdiv", x, y)

    def neg(self, x: str) -> str:
        return self._emit(f"fneg {self.type} {x}")

    def intrinsic(self, name: str, *arguments: str | float) -> str:
        """A call of the intrinsic ``llvm.name``."""
        full = f"@llvm.{name}.{self._suffix}"
        types = ", ".join([self.type] * len(arguments))
        self.module.declare(f"declare {self.type} {full}({types})")
        return self.call(full, *arguments)

    def call(self, name: str, *arguments: str | float) -> str:
        """A call of a function of values; ``name`` begins with ``@``."""
        operands = ", ".join(f"{self.type} {self._value(x)}" for x in arguments)
        return self._emit(f"call {self.type} {name}({operands})")

    def fma(self, x: str | float, y: str | float, z: str | float) -> str:
        if self.has_fma:
            return self.intrinsic("fma", x, y, z)
        return self.add(self.mul(x, y), z)

    def abs(self, x: str) -> str:
        return self.intrinsic("fabs", x)

    def sqrt(self, x: str) -> str:
        return self.intrinsic("sqrt", x)

    def floor(self, x: str) -> str:
        return self.intrinsic("floor", x)

    def trunc(self, x: str) -> str:
        return self.intrinsic("trunc", x)

    def rint(self, x: str) -> str:
        return self.intrinsic("rint", x)

    def copysign(self, x: str | float, sign: str) -> str:
        return self.intrinsic("copysign", x, sign)

    def libm(self, name: str, x: str) -> str:
        return self.intrinsic(name, x)

    def _compare(self, predicate: str, x: str | float, y: str | float) -> str:
        return self._emit(f"fcmp {predicate} {self.type} {self._value(x)}, {self._value(y)}")

    def lt(self, x: str | float, y: str | float) -> str:
        return self._compare("olt", x, y)

    def le(self, x: str | float, y: str | float) -> str:
        return self._compare("ole", x, y)

    def gt(self, x: str | float, y: str | float) -> str:
        return self._compare("ogt", x, y)

    def ge(self, x: str | float, y: str | float) -> str:
        return self._compare("oge", x, y)

    def eq(self, x: str | float, y: str | float) -> str:
        return self._compare("oeq", x, y)

    def ne(self, x: str | float, y: str | float) -> str:
        return self._compare("une", x, y)

    def is_nan(self, x: str) -> str:
        return self._compare("uno", x, x)

    def select(self, condition: str, x: str | float, y: str | float) -> str:
        # Without the mark, LLVM turns a choice of scalars into a branch, and the code into pieces.
        mark = self.module.unpredictable() if self.width == 1 else ""
        return self._emit(
            f"select {self._bool} {condition}, {self.type} {self._value(x)}, "
            f"{self.type} {self._value(y)}{mark}"
        )

    def min(self, x: str | float, limit: str | float) -> str:
        return self.select(self.lt(limit, x), limit, x)

    def max(self, x: str | float, limit: str | float) -> str:
        return self.select(self.gt(limit, x), limit, x)

    def _logical(self, operation: str, x: str, y: str) -> str:
        return self._emit(f"{operation} {self._bool} {x}, {y}")

    def logical_and(self, x: str, y: str) -> str:
        return self._logical("and", x, y)

    def logical_or(self, x: str, y: str) -> str:
        return self._logical("or", x, y)

    def logical_not(self, x: str) -> str:
        return self._logical("xor", x, self._splat("i1", "true"))

    def to_bits(self, x: str) -> str:
        return self._emit(f"bitcast {self.type} {x} to {self._int}")

    def from_bits(self, word: str | int) -> str:
        return self._emit(f"bitcast {self._int} {self._word(word)} to {self.type}")

    def _integer(self, operation: str, x: str | int, y: str | int) -> str:
        return self._emit(f"{operation} {self._int} {self._word(x)}, {self._word(y)}")

    int_add = partialmethod(_integer, "add")
    int_sub = partialmethod(_integer, "sub")
    int_mul = partialmethod(_integer, "mul")
    int_and = partialmethod(_integer, "and")
    int_or = partialmethod(_integer, "or")
    int_xor = partialmethod(_integer, "xor")
    shift_left = partialmethod(_integer, "shl")
    shift_right = partialmethod(_integer, "lshr")

    def table(self, name: str, words: Sequence[int], index: str) -> str:
        """For scalars; the table is a constant of the module."""
        if self.width != 1:
            raise AssertionError("vectors have no tables")
        kind = f"[{len(words)} x i64]"
        values = ", ".join(f"i64 {word}" for word in words)
        self.module.define(f"@{name}", f"@{name} = private unnamed_addr constant {kind} [{values}]")
        at = self._emit(f"getelementptr inbounds {kind}, ptr @{name}, i64 0, i64 {index}")
        return self._emit(f"load i64, ptr {at}, align 8, !invariant.load {self.module.empty()}")

    def to_int(self, x: str) -> str:
        # Before AVX-512 there is no instruction that converts vectors of 64-bit integers.
        return self.int_sub(self.to_bits(self.add(x, _ROUND)), _ROUND_BITS)

    def to_float(self, x: str) -> str:
        return self.sub(self.from_bits(self.int_add(x, _ROUND_BITS)), _ROUND)

    def rare(self, condition: str, rarely: Callable[[], str], otherwise: str) -> str:
        if not self.branches:
            return self.select(condition, rarely(), otherwise)
        before, inside, after = (f"b{next(self._names)}" for _ in range(3))
        self._begin(before)
        some = self._any(condition)
        self.lines.append(f"  br i1 {some}, label %{inside}, label %{after}")
        self._block = inside
        self.lines.append(f"{inside}:")
        mixed = self.select(condition, rarely(), otherwise)
        end = self._block
        self._begin(after)
        return self._emit(f"phi {self.type} [{otherwise}, %{before}], [{mixed}, %{end}]")

    def _begin(self, block: str) -> None:
        self.lines += [f"  br label %{block}", f"{block}:"]
        self._block = block

    def _any(self, condition: str) -> str:
        if self.width == 1:
            return condition
        name = f"@llvm.vector.reduce.or.v{self.width}i1"
        self.module.declare(f"declare i1 {name}({self._bool})")
        return self._emit(f"call i1 {name}({self._bool} {condition})")
