"""Operations that torch executes in the middle of machine code, on the same memory."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor

from pyro.compile.graph import TORCH_DTYPE
from pyro.compile.ir import Kind, Shape

SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p))


class Slot:
    """Where a tensor that depends on the inputs stands among the arguments of an operation.

    :param strides: those of the tensor that the operation is to see, if it is not row-major: which
        of a matrix and its transpose a factorisation belongs to may depend on them.
    :ivar held: the type of the elements in the memory of the code.
    """

    def __init__(
        self, shape: Shape, kind: Kind, dtype: torch.dtype, strides: Shape | None = None
    ) -> None:
        self.shape = shape
        self.kind = kind
        self.dtype = dtype
        self.strides = strides
        self.held = TORCH_DTYPE[kind]

    @classmethod
    def of(cls, tensor: Tensor, kind: Kind) -> Slot:
        """A slot for tensors like this one."""
        dense = torch.empty_like(tensor).stride() == tensor.stride()
        strides = tensor.stride() if dense and not tensor.is_contiguous() else None
        return cls(tuple(tensor.shape), kind, tensor.dtype, strides)

    def read(self, address: int) -> Tensor:
        """The tensor, from the memory of the machine code."""
        memory = _at(address, self.shape, self.held)
        if self.strides is None:
            return memory.to(self.dtype, copy=True)
        return torch.empty_strided(self.shape, self.strides, dtype=self.dtype).copy_(memory)

    def write(self, address: int, value: Tensor) -> None:
        """Put a result there."""
        _at(address, self.shape, self.held).copy_(value)


def _at(address: int, shape: Shape, held: torch.dtype) -> Tensor:
    size = math.prod(shape)
    if size == 0:
        return torch.empty(shape, dtype=held)
    memory = (ctypes.c_char * (size * held.itemsize)).from_address(address)
    return torch.frombuffer(memory, dtype=held).reshape(shape)


@final
class CallOut:
    """One operation with its arguments, of which slots are filled at each call.

    It takes the GIL. An exception is kept in :attr:`error`, and the code returns 1.

    :param name: what the report calls it.
    :param operation: the operation of torch.
    :param args: arguments with slots.
    :param kwargs: keyword arguments with slots.
    :param results: where the results go.
    """

    def __init__(
        self,
        name: str,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        results: tuple[Slot, ...],
    ) -> None:
        self.name = name
        self._operation = operation
        self._args = args
        self._kwargs = kwargs
        self._results = results
        self.error: BaseException | None = None
        self._pointer = SIGNATURE(self._run)
        address = ctypes.cast(self._pointer, ctypes.c_void_p).value
        self.address: int = address or 0

    def _run(self, table: Any) -> int:
        position = 0

        def filled(x: Any) -> Any:
            nonlocal position
            if isinstance(x, Slot):
                position += 1
                return x.read(table[position - 1])
            if isinstance(x, (tuple, list)):
                return [filled(y) for y in x]
            return x

        try:
            with torch.no_grad():
                args = [filled(x) for x in self._args]
                kwargs = {k: filled(x) for k, x in self._kwargs.items()}
                found = self._operation(*args, **kwargs)
                outputs = found if isinstance(found, (tuple, list)) else (found,)
                for slot, value in zip(self._results, outputs, strict=True):
                    slot.write(table[position], value)
                    position += 1
        except BaseException as error:  # must not pass through the code
            self.error = error
            return 1
        return 0
