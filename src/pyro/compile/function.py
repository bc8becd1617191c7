"""Functions of tensors as machine code, with eager execution where that cannot be."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Container, Iterable
from contextlib import nullcontext
from typing import Any, final

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile import switch
from pyro.compile.draws import Counted, Key, make_key
from pyro.compile.graph import DTYPE_KIND, TORCH_DTYPE
from pyro.compile.not_capturable import NotCapturable, RandomDraw
from pyro.compile.program import Program, build
from pyro.compile.report import Report
from pyro.compile.single import check_held
from pyro.compile.verify import difference, verified
from pyro.logger import log
from pyro.rng import new_seed

MOST_REMADE = 8  # times that code is made anew since tensors outside of a function have changed
_RUN = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4)


@final
class _Specialisation:
    """The code for one set of shapes, element types and plain arguments."""

    def __init__(
        self,
        fn: Callable[..., Any],
        leaves: list[Any],
        spec: Any,
        held: torch.dtype = torch.float64,
    ) -> None:
        self._tensors = [k for k, x in enumerate(leaves) if isinstance(x, Tensor)]
        inputs = tuple(leaves[k].detach().clone() for k in self._tensors)
        run = self._flat(fn, leaves, spec)
        self.draws = False
        try:
            self.program: Program = build(run, inputs, density=False, held=held)
        except RandomDraw:
            self.draws = True
            self.program = build(run, inputs, density=False, draws=True, held=held)
        given, returned = self.program.positions()
        self.input_types = _types((t.dtype for t in inputs), given)
        self.output_types = _types((dtype for _, dtype in self._metas), returned)
        self._run = _RUN(self.program.code.loaded.address("run"))

    def _flat(self, fn: Callable[..., Any], leaves: list[Any], spec: Any) -> Callable[..., Any]:
        """``fn`` of the tensors alone; its results flat, their structure remembered."""

        def run(*tensors: Tensor) -> list[Tensor]:
            given = list(leaves)
            for k, t in zip(self._tensors, tensors, strict=True):
                given[k] = t
            args, kwargs = pytree.tree_unflatten(given, spec)
            found, self._out_spec = pytree.tree_flatten(fn(*args, **kwargs))
            self._plain = [None if isinstance(x, Tensor) else x for x in found]
            results = [x for x in found if isinstance(x, Tensor)]
            self._metas = [(tuple(t.shape), t.dtype) for t in results]
            self._are_tensors = [isinstance(x, Tensor) for x in found]
            return results

        return run

    def __call__(self, leaves: list[Any], key: Key | None = None) -> Any:
        """The results; ``key`` decides about random numbers, if there are any."""
        inputs = [
            leaves[k].detach().to(dtype).contiguous()
            for k, dtype in zip(self._tensors, self.input_types, strict=True)
        ]
        if self.draws:
            inputs.append(make_key(new_seed()) if key is None else key)
        outputs = [
            torch.empty(max(1, math.prod(shape)), dtype=dtype)
            for (shape, _), dtype in zip(self._metas, self.output_types, strict=True)
        ]
        with self.program.scratch() as scratch, self.program.interruptible():
            failed = self._run(self.program.context, _table(inputs), _table(outputs), scratch)
        self.program.raise_failure(failed)
        results = iter(
            t[: math.prod(shape)].reshape(shape).to(dtype)
            for t, (shape, dtype) in zip(outputs, self._metas, strict=True)
        )
        flat = [
            next(results) if is_tensor else plain
            for is_tensor, plain in zip(self._are_tensors, self._plain, strict=True)
        ]
        return pytree.tree_unflatten(flat, self._out_spec)


def _types(dtypes: Iterable[torch.dtype], single: Container[int]) -> list[torch.dtype]:
    """What arrays are in memory; some, by position, in single precision."""
    wide = (TORCH_DTYPE[DTYPE_KIND[t]] for t in dtypes)
    return [torch.float32 if k in single else t for k, t in enumerate(wide)]


def _table(tensors: list[Tensor]) -> Any:
    return (ctypes.c_void_p * max(1, len(tensors)))(*(t.data_ptr() for t in tensors))


@final
class CompiledFunction:
    """A function whose calls run machine code. Made by :func:`compile`."""

    def __init__(
        self, fn: Callable[..., Any], verify: bool, held: torch.dtype = torch.float64
    ) -> None:
        self._fn = fn
        self._verify = verify
        self._held = held
        self._known: dict[Any, _Specialisation | None] = {}
        self._last: _Specialisation | None = None
        self._remade = 0
        self.reason: str | None = None
        functools.update_wrapper(self, fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns; tensors have no gradient history."""
        leaves, spec = pytree.tree_flatten((args, kwargs))
        key = (spec, *map(_signature, leaves))
        is_new = key not in self._known
        if is_new:
            self._known[key] = self._specialise(leaves, spec)
        found = self._current(key, leaves, spec) if switch.ENABLED else None
        if found is None:
            try:
                with torch.enable_grad():
                    return pytree.tree_map(_detached, self._fn(*args, **kwargs))
            except Exception:
                if is_new:  # the function itself fails: that says nothing about the next call
                    del self._known[key]
                raise
        return found(leaves)

    def _current(self, key: Any, leaves: list[Any], spec: Any) -> _Specialisation | None:
        """The code, made anew if a tensor that the function reads has been written into since."""
        found = self._known[key]
        if found is None or found.program.surroundings.changed() is None:
            return found
        self._remade += 1
        if self._remade > MOST_REMADE:
            self._give_up(key, "tensors that it reads change; give them as arguments")
            return None
        found = self._known[key] = self._specialise(leaves, spec)
        return found

    def _give_up(self, key: Any, reason: str) -> None:
        self._known[key] = None
        self.reason = reason
        log.info("%s runs without compilation: %s", _name(self._fn), reason)

    def _specialise(self, leaves: list[Any], spec: Any) -> _Specialisation | None:
        if not switch.ENABLED:
            return None
        state = torch.get_rng_state()
        try:
            made = self._made(leaves, spec)
        except Exception as error:  # a failure of the function itself shows when it is run
            known = isinstance(error, NotCapturable)
            self.reason = str(error) if known else f"{type(error).__name__}: {error}"
            log.info("%s runs without compilation: %s", _name(self._fn), self.reason)
            return None
        finally:
            torch.set_rng_state(state)
        self._last = made
        return made

    def _made(self, leaves: list[Any], spec: Any) -> _Specialisation:
        def make() -> _Specialisation:
            return _Specialisation(self._fn, leaves, spec, self._held)

        if not self._verify:
            return make()
        return verified(make, lambda m: self._check(m, leaves, spec), lambda m: m.program)

    def _check(self, made: _Specialisation, leaves: list[Any], spec: Any) -> None:
        """Compare with the function itself at inputs that capture did not see."""
        moved = [_moved(x) for x in leaves]
        args, kwargs = pytree.tree_unflatten(moved, spec)
        key = make_key(1)
        with Counted(key) if made.draws else nullcontext(), torch.enable_grad():
            before = torch.get_rng_state()  # of operations that torch executes
            expected = pytree.tree_leaves(self._fn(*args, **kwargs))
            torch.set_rng_state(before)
        found = pytree.tree_leaves(made(moved, key))
        made.program.fallback.check_use(1)
        for position, (a, b) in enumerate(zip(found, expected, strict=True)):
            if not isinstance(b, Tensor):
                continue
            reason = difference(a.reshape(-1), b.detach().reshape(-1), self._held)
            if reason is not None:
                raise NotCapturable(
                    f"compiled and eager result {position} differ: {reason}", "verification"
                )

    def report(self) -> Report:
        """What became of the shapes that were seen last.

        :raises NotCapturable: if there is no code; the reason says why.
        """
        return self._compiled().program.report()

    def explain(self) -> str:
        """The loops of the code, readable; for the shapes that were seen last."""
        return self._compiled().program.explain()

    def _compiled(self) -> _Specialisation:
        if self._last is None:
            raise NotCapturable(self.reason or "the function has not been called", "no code")
        return self._last


def compile(
    fn: Callable[..., Any],
    *example_args: Any,
    verify: bool = True,
    dtype: torch.dtype = torch.float64,
) -> CompiledFunction:
    """A function that runs as machine code, made the first time that it sees given shapes.

    The function runs once for each set of shapes, element types and plain arguments; what does not
    depend on its tensors is computed then. All is computed in float64 (integers in 64 bits) and
    returned in the types that torch has. Where a function cannot be captured, or code and function
    differ, it runs as before; the reason is logged once, and is the attribute ``reason``.

    Random numbers are computed by a counter-based generator inside of the code. Each call takes a
    seed from torch's generator, so ``pyro.set_rng_seed`` decides about them; they are other numbers
    than torch would draw. Gamma, Poisson and binomial draws remain torch's.

    :param fn: takes and returns tensors, or tuples, lists and dicts of them.
    :param example_args: arguments for whose shapes code is made at once.
    :param verify: whether new code is compared with the function at other inputs.
    :param dtype: the type of real numbers in memory. With float32, tensors of float32 are read and
        written as they are, and large arrays in between are float32; all is computed in float64.
    :raises ValueError: if ``dtype`` is another one.

    Example::

        >>> from pyro.compile import compile
        >>> f = compile(lambda x, y: (x * y).cumsum(0) + y.exp())
        >>> f(torch.arange(3.0), torch.zeros(()))
        tensor([1., 1., 1.])
        >>> f.report().called_out
        ()
    """
    check_held(dtype)
    made = CompiledFunction(fn, verify, dtype)
    if example_args:
        made(*example_args)
    return made


def _signature(x: Any) -> Any:
    if isinstance(x, Tensor):
        return (tuple(x.shape), x.dtype)
    try:
        hash(x)
    except TypeError:
        return (type(x), id(x))
    return (type(x), x)


def _moved(x: Any) -> Any:
    """An input near ``x``; integers and truth values stay, they may be positions."""
    if not isinstance(x, Tensor):
        return x
    if not x.dtype.is_floating_point:
        return x.clone()
    generator = torch.Generator().manual_seed(x.numel())
    noise = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x.detach() * (1 + 0.1 * noise)


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x


def _name(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__qualname__", repr(fn))
