"""Copies between arrays of real numbers and the memory of tensors, all in one call."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from pyro.compile.jit import Loaded, assemble

_LOOP = """
{name}.head:
  %{name}.any = icmp sgt i64 %count, 0
  br i1 %{name}.any, label %{name}.body, label %following
{name}.body:
  %{name}.i = phi i64 [0, %{name}.head], [%{name}.next, %{name}.body]
  %{name}.x = getelementptr {source}, ptr %from, i64 %{name}.i
  %{name}.y = getelementptr {target}, ptr %to, i64 %{name}.i
  %{name}.v = load {source}, ptr %{name}.x
  %{name}.w = {convert}
  store {target} %{name}.w, ptr %{name}.y
  %{name}.next = add nuw nsw i64 %{name}.i, 1
  %{name}.more = icmp slt i64 %{name}.next, %count
  br i1 %{name}.more, label %{name}.body, label %following
"""
_TEXT = """
define void @transfer(ptr %table, i64 %n) {
entry:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %row, label %done
row:
  %k = phi i64 [0, %entry], [%k.next, %following]
  %at = getelementptr [4 x i64], ptr %table, i64 %k
  %from = load ptr, ptr %at
  %to.at = getelementptr i64, ptr %at, i64 1
  %to = load ptr, ptr %to.at
  %count.at = getelementptr i64, ptr %at, i64 2
  %count = load i64, ptr %count.at
  %kind.at = getelementptr i64, ptr %at, i64 3
  %kind = load i64, ptr %kind.at
  switch i64 %kind, label %same.head [
    i64 1, label %widen.head
    i64 2, label %narrow.head
    i64 3, label %add.head
  ]
LOOPS
following:
  %k.next = add nuw nsw i64 %k, 1
  %k.more = icmp slt i64 %k.next, %n
  br i1 %k.more, label %row, label %done
done:
  ret void
}
"""
_KINDS = (
    ("same", "double", "double", "fadd double %same.v, -0.0"),
    ("widen", "float", "double", "fpext float %widen.v to double"),
    ("narrow", "double", "float", "fptrunc double %narrow.v to float"),
    ("add", "float", "float", "fadd float %add.v, 1.0"),
)
_CODE = {
    (torch.float64, torch.float64): 0,
    (torch.float32, torch.float64): 1,
    (torch.float64, torch.float32): 2,
}
_ADD = 3
_LARGEST = 50_000  # elements: torch copies larger ones faster


@functools.cache
def _function() -> tuple[Any, Loaded]:
    loops = (
        _LOOP.format(name=name, source=source, target=target, convert=convert)
        for name, source, target, convert in _KINDS
    )
    loaded = Loaded(assemble(_TEXT.replace("LOOPS", "".join(loops)), 2))
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    return kind(loaded.address("transfer")), loaded


@final
class Transfer:
    """Copies the elements of contiguous tensors into others, and counts up single numbers.

    The memory that tensors have when it is made is read and written: see :meth:`is_current`.

    :param pairs: source and target, of equal size; float32 or float64.
    :param counters: float32 numbers that are counted up by one.

    >>> from pyro.compile.transfer import Transfer
    >>> x, y, n = torch.ones(2), torch.zeros(2, dtype=torch.float64), torch.zeros(())
    >>> copy = Transfer([(x, y)], [n])
    >>> copy(), copy()
    (None, None)
    >>> y.tolist(), n.item()
    ([1.0, 1.0], 2.0)
    """

    def __init__(
        self, pairs: Sequence[tuple[Tensor, Tensor]], counters: Sequence[Tensor] = ()
    ) -> None:
        rows = [(a.data_ptr(), b.data_ptr(), a.numel(), _CODE[a.dtype, b.dtype]) for a, b in pairs]
        rows += [(n.data_ptr(), n.data_ptr(), 1, _ADD) for n in counters]
        self._count = len(rows)
        self._table = (ctypes.c_int64 * (4 * max(1, len(rows))))(*(x for row in rows for x in row))
        self._run, _ = _function()
        self._kept = (tuple(pairs), tuple(counters))

    @staticmethod
    def suits(pairs: Sequence[tuple[Tensor, Tensor]], counters: Sequence[Tensor] = ()) -> bool:
        """Whether all this can be copied by one call, and torch is not faster."""
        return (
            all((a.dtype, b.dtype) in _CODE for a, b in pairs)
            and all(t.is_contiguous() and t.device.type == "cpu" for pair in pairs for t in pair)
            and all(n.dtype is torch.float32 and n.device.type == "cpu" for n in counters)
            and sum(a.numel() for a, _ in pairs) <= _LARGEST
        )

    def __call__(self) -> None:
        """Copy and count."""
        self._run(self._table, self._count)
