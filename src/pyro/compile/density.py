"""A log density and its gradient as machine code behind a C ABI."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

from pyro.compile.meanwhile import Once
from pyro.compile.not_capturable import NotCapturable
from pyro.compile.program import CompiledCodeError, Program, build
from pyro.compile.report import Report
from pyro.compile.single import check_held
from pyro.compile.verify import LONG, Known, check_density, is_consistent, verified
from pyro.errors import ShapeError

_RUN_MANY = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5, ctypes.c_int64)


@final
class NativeDensity:
    r"""A function :math:`\mathbb{R}^{dim} \to \mathbb{R}` and its gradient, as machine code.

    The code at :attr:`address` is
    ``int32_t f(void* context, const double* x, double* value, double* gradient, void* scratch)``.
    It returns 0, or not 0 if something went wrong that is no property of ``x``; a value of nan
    or ``-inf`` is an answer. ``context`` is :attr:`context`, only read and shared by threads.
    ``scratch`` is :attr:`scratch_bytes` of memory at a multiple of 64 that no other call uses at
    the same time. ``gradient`` must not overlap ``x``. Made by :func:`compile_value_and_grad`.

    :ivar dim: the number of inputs.
    :ivar address: where the code begins.
    :ivar context: where the table of constants begins.
    :ivar scratch_bytes: how much scratch memory a call needs.
    :ivar calls_python: whether the code calls Python, and so takes the GIL.
    """

    def __init__(self, program: Program, dim: int) -> None:
        self._program = program
        self.dim = dim
        self.address = program.code.loaded.address("run")
        self.context = program.context
        self.scratch_bytes = program.code.scratch_bytes
        self.calls_python = program.calls_python
        self._many = _RUN_MANY(program.code.loaded.address("many"))

    def value(self, x: Tensor) -> Tensor:
        """The values at the points ``x`` of shape ``(..., dim)``."""
        return self.value_and_grad(x)[0]

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values of shape ``(...)`` and gradients of shape ``(..., dim)``.

        :raises ShapeError: if the last dim of ``x`` is not :attr:`dim`.
        :raises CompiledCodeError: if data have been changed in place; see :meth:`check_data`.
        """
        if x.shape[-1:] != (self.dim,):
            raise ShapeError(
                f"a density of {self.dim} dims was given points of shape {tuple(x.shape)}; "
                f"the last dim must be {self.dim}"
            )
        self.check_data()
        points = x.detach().to(torch.float64).contiguous()
        values = torch.empty(x.shape[:-1], dtype=torch.float64)
        gradients = torch.empty(x.shape, dtype=torch.float64)
        with self._program.scratch() as scratch, self._program.interruptible():
            failed = self._many(
                self.context,
                points.data_ptr(),
                values.data_ptr(),
                gradients.data_ptr(),
                scratch,
                values.numel(),
            )
        self._program.raise_failure(failed)
        return values.to(x.dtype), gradients.to(x.dtype)

    def check_data(self) -> None:
        """To be called before the code is used through :attr:`address`.

        :raises CompiledCodeError: if a tensor that the function read when it was compiled, and
            that is a constant of the code, has been written into since.
        """
        changed = self._program.surroundings.changed()
        if changed is not None:
            raise CompiledCodeError(
                f"a tensor of shape {tuple(changed.shape)} and type {changed.dtype} was changed in "
                "place after the density that reads it was compiled; compile the density again, "
                "or give it a copy of the data"
            )

    def report(self) -> Report:
        """What was captured, fused and called out, and how long each stage took."""
        return self._program.report()

    def explain(self) -> str:
        """The loops of the code, readable."""
        return self._program.explain()


def compile_value_and_grad(
    fn: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    verify: bool = True,
    dtype: torch.dtype = torch.float64,
    known: Known | None = None,
) -> NativeDensity:
    """Machine code of a function of one vector with a scalar result, and of its gradient.

    ``fn`` runs once, at ``x``. What does not depend on its argument is computed then, and is a
    constant from there on. All is computed in float64. Before the code is handed out, it is
    compared with ``fn`` at other points.

    :param fn: takes a tensor of the shape of ``x`` and returns a scalar.
    :param x: a point of shape ``(dim,)`` at which ``fn`` is finite.
    :param verify: whether to compare.
    :param dtype: the type of large arrays in memory; float32 halves the traffic with large data.
        Points, values and gradients are float64, whatever it is.
    :param known: gives another point and the value of ``fn`` there, from an earlier run; asked
        for if ``fn`` takes long, so that it need not run once more.
    :raises ValueError: if ``dtype`` is neither float64 nor float32.
    :raises NotCapturable: if control flow depends on the argument, or code and ``fn`` differ.

    Example::

        >>> from pyro.compile import compile_value_and_grad
        >>> density = compile_value_and_grad(lambda x: -(x * x).sum() / 2, torch.zeros(3))
        >>> density.value_and_grad(torch.tensor([1.0, 2.0, 3.0]))
        (tensor(-7.), tensor([-1., -2., -3.]))
    """
    if x.dim() != 1:
        raise ShapeError(f"a density needs a point of shape (dim,), not {tuple(x.shape)}")
    check_held(dtype)
    start = x.detach().clone()
    told = None if known is None else Once(known)

    def make() -> NativeDensity:
        meanwhile = _if_long(told) if told is not None and dtype is torch.float64 else None
        program = build(
            _value_and_grad(fn), (start,), density=True, held=dtype, meanwhile=meanwhile
        )
        return NativeDensity(program, x.numel())

    def check(made: NativeDensity) -> None:
        _check(fn, made, x.detach(), dtype, None if told is None else told.get)

    return verified(make, check, lambda made: made._program) if verify else make()


def compile_on_sight(
    fn: Callable[[Tensor], tuple[Tensor, Sequence[Tensor]]],
    x: Tensor,
    described: Callable[[], tuple[Callable[[Tensor], Tensor], Known]],
) -> NativeDensity:
    """As :func:`compile_value_and_grad`, of a function that shows what it takes while it runs.

    :param fn: takes a vector and returns a scalar, and the parts of the vector that it depends on,
        which follow one another from the first element on.
    :param x: a vector that is long enough.
    :param described: gives, by other means, the function of a vector that consists of these
        parts, and a point with its value there. It is called while LLVM works.
    :raises NotCapturable: as there, and if ``fn`` takes nothing or there are guards.

    Example::

        >>> from pyro.compile.density import compile_on_sight
        >>> def fn(x):
        ...     scale, loc = x[0], x[1:3]
        ...     return -(scale * loc * loc).sum(), [scale, loc]
        >>> def exact(x):
        ...     return -(x[0] * x[1:] * x[1:]).sum()
        >>> point = torch.tensor([1.0, 2.0, 3.0])
        >>> density = compile_on_sight(fn, torch.ones(100), lambda: (exact, lambda: exact(point)))
        >>> density.dim, density.value_and_grad(point)
        (3, (tensor(-13.), tensor([-13.,  -4.,  -6.])))
    """
    start = x.detach().clone()
    description = Once(described)
    told = Once(lambda: description.get()[1]())

    def meanwhile(seconds: Mapping[str, float]) -> None:
        description.attempt()
        _if_long(told)(seconds)

    def make() -> NativeDensity:
        program = build(_value_and_parts(fn), (start,), density=True, meanwhile=meanwhile)
        return NativeDensity(program, program.outputs[1].numel)

    def check(made: NativeDensity) -> None:
        exact, _ = description.get()
        _check(exact, made, x[: made.dim].detach(), torch.float64, told.get)

    return verified(make, check, lambda made: made._program)


def _if_long(told: Once[Any]) -> Callable[[Mapping[str, float]], None]:
    """Finds out what is known if it will be asked for."""

    def meanwhile(seconds: Mapping[str, float]) -> None:
        if seconds["capture"] > LONG:
            told.attempt()

    return meanwhile


def _check(
    fn: Callable[[Tensor], Tensor],
    made: NativeDensity,
    at: Tensor,
    dtype: torch.dtype,
    known: Known | None,
) -> None:
    """:raises NotCapturable: if code that was recorded at a point is not that of ``fn``."""
    program = made._program
    seconds = program.seconds["capture"]
    exact = dtype is torch.float64 and not program.guards
    if seconds > LONG and exact and is_consistent(fn, made, at, known, seconds):
        return
    calls = check_density(fn, made, at, dtype)
    program.fallback.check_use(calls)


def _value_and_grad(fn: Callable[[Tensor], Tensor]) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """The function that also returns its gradient."""

    def run(x: Tensor) -> tuple[Tensor, Tensor]:
        x.requires_grad_()
        value = fn(x)
        if value.dim() and value.numel() != 1:
            raise ShapeError(f"a density must return a scalar, not {tuple(value.shape)}")
        if not value.requires_grad:
            return value.reshape(()), torch.zeros_like(x)
        (gradient,) = torch.autograd.grad(value.reshape(()), x, allow_unused=True)
        return value.detach().reshape(()), torch.zeros_like(x) if gradient is None else gradient

    return run


def _value_and_parts(
    fn: Callable[[Tensor], tuple[Tensor, Sequence[Tensor]]],
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """The value, and the gradients of the parts one after the other."""

    def run(x: Tensor) -> tuple[Tensor, Tensor]:
        x.requires_grad_()
        value, parts = fn(x)
        if not parts or not value.requires_grad:
            raise NotCapturable("the function takes nothing", "its end")
        found = torch.autograd.grad(value.reshape(()), list(parts), allow_unused=True)
        gradients = [
            torch.zeros_like(part) if g is None else g for part, g in zip(parts, found, strict=True)
        ]
        return value.detach().reshape(()), torch.cat([g.reshape(-1) for g in gradients])

    return run
