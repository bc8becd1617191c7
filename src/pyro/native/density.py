"""A log density with its gradient, as the library sees it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyro.interrupts import held_back, let_through
from pyro.native.structures import DENSITY_FUNCTION, DensityStruct

Array: TypeAlias = npt.NDArray[np.float64]
ValueAndGradient: TypeAlias = Callable[[Array], tuple[float, Array]]


def _no_failure() -> BaseException | None:
    return None


@dataclass(frozen=True, kw_only=True)
class DensitySpec:
    """A C function on R^dim, with all that a call of it needs.

    The function is ``int32_t f(void* context, const double* x, double* value, double* gradient,
    void* scratch)``. It answers 0, with a value of nan or -inf where ``x`` is to be rejected; any
    other answer ends the run of the chain. Threads call it at the same time: it only reads the
    context, and has scratch memory per chain, aligned to 64 bytes.

    :param dim: Number of coordinates; 0 is allowed.
    :param address: Of the function.
    :param context: An address that is passed on to it.
    :param scratch_bytes: What it needs as scratch memory.
    :param messages: What its answers other than 0 mean.
    :param owner: Whatever must live as long as the function and its context.
    :param in_python: It takes the interpreter's lock, so chains take turns in the calling thread.
    :param failure: Takes the exception behind an answer other than 0, if there was one.
    """

    dim: int
    address: int
    context: int = 0
    scratch_bytes: int = 0
    messages: Mapping[int, str] = field(default_factory=dict)
    owner: Any = None
    in_python: bool = False
    failure: Callable[[], BaseException | None] = _no_failure

    @staticmethod
    def from_callable(function: ValueAndGradient, dim: int) -> DensitySpec:
        """A density that is computed by a Python function.

        :param function: Takes a position, an array of ``dim`` numbers, and returns the log density
            and its gradient. What it raises ends the run and reaches the caller.

        Example::

            >>> import numpy as np
            >>> spec = DensitySpec.from_callable(lambda x: (-0.5 * x @ x, -x), dim=3)
            >>> spec.value_and_gradient(np.ones(3))
            (-1.5, array([-1., -1., -1.]))
        """
        callback = _Callback(function, dim)
        c_function = DENSITY_FUNCTION(callback)
        address = ctypes.cast(c_function, ctypes.c_void_p).value
        return DensitySpec(
            dim=dim,
            address=address or 0,
            owner=c_function,
            in_python=True,
            failure=callback.take_failure,
        )

    def structure(self) -> DensityStruct:
        """What the library is given."""
        return DensityStruct(
            function=self.address,
            context=self.context,
            dim=self.dim,
            scratch_bytes=self.scratch_bytes,
        )

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Log density and gradient at one position.

        :raises RuntimeError: if the function answers anything but 0; or what it raised itself.
        """
        position = np.ascontiguousarray(x, dtype=np.float64)
        value, gradient = np.empty(1), np.empty(self.dim)
        scratch = np.empty(self.scratch_bytes + 64, dtype=np.uint8)
        aligned = scratch.ctypes.data + -scratch.ctypes.data % 64
        function = DENSITY_FUNCTION(self.address)
        with held_back() if self.in_python else nullcontext():
            code = function(
                self.context, position.ctypes.data, value.ctypes.data, gradient.ctypes.data, aligned
            )
        if code:
            raise self.failure() or RuntimeError(self.message(code))
        return float(value[0]), gradient

    def message(self, code: int) -> str:
        """What the answer ``code`` means."""
        known = self.messages.get(code)
        return f"the density answered {code}" + (f": {known}" if known else "")


class _Callback:
    """Calls a Python function with views of the library's memory, and keeps what it raises."""

    def __init__(self, function: ValueAndGradient, dim: int) -> None:
        self._function = function
        self._dim = dim
        self._failure: BaseException | None = None

    def __call__(self, context: int, x: int, value: int, gradient: int, scratch: int) -> int:
        try:
            position = self._view(x, self._dim).copy()  # the library will overwrite its own
            with let_through():
                found, slope = self._function(position)
            self._view(gradient, self._dim)[:] = slope
            self._view(value, 1)[0] = found
        except BaseException as error:
            self._failure = error
            return 1
        return 0

    @staticmethod
    def _view(address: int, size: int) -> Array:
        if size == 0:
            return np.empty(0)
        memory = memoryview((ctypes.c_double * size).from_address(address))
        return np.frombuffer(memory.cast("B"), dtype=np.float64)

    def take_failure(self) -> BaseException | None:
        failure, self._failure = self._failure, None
        return failure
