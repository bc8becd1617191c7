"""What a special function may do: arithmetic on one number, without loops or branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Value = TypeVar("Value")
Condition = TypeVar("Condition")
Int = TypeVar("Int")


class ScalarBuilder(Protocol[Value, Condition, Int]):
    """Double-precision arithmetic on a ``Value``, of which nobody says how many lanes it has.

    Functions written over a builder become LLVM IR for a scalar or a vector with one
    implementation, and run on tensors with another. Every operation is rounded to nearest, once,
    and is not reassociated, so that error-free transformations work. A Python number is accepted
    wherever a value, or a word, is.

    An ``Int`` is a word of 64 bits that wraps around.
    """

    @property
    def has_fma(self) -> bool:
        """Whether :meth:`fma` rounds once. Otherwise it is a product and a sum."""

    def const(self, number: float, /) -> Value:
        """A number, the same in all lanes."""

    def add(self, x: Value | float, y: Value | float, /) -> Value:
        """``x + y``"""

    def sub(self, x: Value | float, y: Value | float, /) -> Value:
        """``x - y``"""

    def mul(self, x: Value | float, y: Value | float, /) -> Value:
        """``x * y``"""

    def div(self, x: Value | float, y: Value | float, /) -> Value:
        """``x / y``"""

    def fma(self, x: Value | float, y: Value | float, z: Value | float, /) -> Value:
        """``x * y + z``, rounded once if :attr:`has_fma`."""

    def neg(self, x: Value, /) -> Value:
        """``-x``, also of zero."""

    def abs(self, x: Value, /) -> Value:
        """The value without its sign."""

    def sqrt(self, x: Value, /) -> Value:
        """The correctly rounded root; nan below zero."""

    def floor(self, x: Value, /) -> Value:
        """The largest integer that is not above ``x``."""

    def trunc(self, x: Value, /) -> Value:
        """The integer part, towards zero."""

    def rint(self, x: Value, /) -> Value:
        """The nearest integer, an even one if there are two."""

    def copysign(self, x: Value | float, sign: Value, /) -> Value:
        """The magnitude of ``x`` with the sign of ``sign``."""

    def min(self, x: Value | float, limit: Value | float, /) -> Value:
        """``limit`` where ``limit < x``, else ``x``: a nan in ``x`` stays."""

    def max(self, x: Value | float, limit: Value | float, /) -> Value:
        """``limit`` where ``limit > x``, else ``x``: a nan in ``x`` stays."""

    def select(self, condition: Condition, x: Value | float, y: Value | float, /) -> Value:
        """``x`` where the condition holds, else ``y``; both are computed."""

    def rare(self, condition: Condition, rarely: Callable[[], Value], otherwise: Value, /) -> Value:
        """``rarely()`` where the condition holds, else ``otherwise``.

        A builder that may branch leaves out the instructions of ``rarely`` unless a lane needs
        them.
        """

    def lt(self, x: Value | float, y: Value | float, /) -> Condition:
        """``x < y``, false for nan."""

    def le(self, x: Value | float, y: Value | float, /) -> Condition:
        """``x <= y``, false for nan."""

    def gt(self, x: Value | float, y: Value | float, /) -> Condition:
        """``x > y``, false for nan."""

    def ge(self, x: Value | float, y: Value | float, /) -> Condition:
        """``x >= y``, false for nan."""

    def eq(self, x: Value | float, y: Value | float, /) -> Condition:
        """``x == y``, false for nan."""

    def ne(self, x: Value | float, y: Value | float, /) -> Condition:
        """``x != y``, true for nan."""

    def is_nan(self, x: Value, /) -> Condition:
        """Whether ``x`` is not a number."""

    def logical_and(self, x: Condition, y: Condition, /) -> Condition:
        """Both."""

    def logical_or(self, x: Condition, y: Condition, /) -> Condition:
        """Either, or both."""

    def logical_not(self, x: Condition, /) -> Condition:
        """The opposite."""

    def to_bits(self, x: Value, /) -> Int:
        """The word that represents ``x``."""

    def from_bits(self, word: Int | int, /) -> Value:
        """The value that a word represents."""

    def int_add(self, x: Int | int, y: Int | int, /) -> Int:
        """``x + y`` modulo :math:`2^{64}`."""

    def int_sub(self, x: Int | int, y: Int | int, /) -> Int:
        """``x - y`` modulo :math:`2^{64}`."""

    def int_mul(self, x: Int | int, y: Int | int, /) -> Int:
        """``x * y`` modulo :math:`2^{64}`."""

    def int_and(self, x: Int | int, y: Int | int, /) -> Int:
        """The bits that are set in both."""

    def int_or(self, x: Int | int, y: Int | int, /) -> Int:
        """The bits that are set in either."""

    def int_xor(self, x: Int | int, y: Int | int, /) -> Int:
        """The bits that are set in one."""

    def shift_left(self, x: Int, count: int, /) -> Int:
        """The word times :math:`2^{count}`; bits fall off."""

    def shift_right(self, x: Int, count: int, /) -> Int:
        """The word divided by :math:`2^{count}`, as an unsigned number."""

    def table(self, name: str, words: Sequence[int], index: Int, /) -> Int:
        """The word at an index below the length; ``name`` tells tables apart."""

    def to_int(self, x: Value, /) -> Int:
        """The word of an integer-valued ``x`` with :math:`|x| < 2^{51}`."""

    def to_float(self, x: Int, /) -> Value:
        """The value of a signed word below :math:`2^{51}` in magnitude."""

    def libm(self, name: str, x: Value, /) -> Value:
        """The function of that name of the C library, lane by lane."""
