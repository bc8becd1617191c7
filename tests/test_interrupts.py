"""Ctrl-C in the middle of foreign code is neither lost nor late."""

from __future__ import annotations

import ctypes
import dataclasses
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pyro.compile import compile as compile_function
from pyro.interrupts import held_back, let_through
from pyro.native import DensitySpec, NutsConfig, run_chains
from pyro.native.structures import DENSITY_FUNCTION, TICK


def press() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def test_it_waits_for_the_end_of_a_block() -> None:
    seen = []
    with pytest.raises(KeyboardInterrupt), held_back():
        press()
        seen.append("first")
        with held_back():
            press()
            seen.append("second")
        seen.append("third")
    assert seen == ["first", "second", "third"]


def test_it_passes_where_it_may() -> None:
    seen = []
    with held_back():
        with pytest.raises(KeyboardInterrupt), let_through():
            press()
            seen.append("not reached")
        press()
        with pytest.raises(KeyboardInterrupt), let_through():
            seen.append("not reached")
        with let_through():
            pass
    assert seen == []


def test_it_passes_through_two_blocks() -> None:
    with held_back(), pytest.raises(KeyboardInterrupt), let_through(), held_back():
        with let_through():
            press()


def test_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error), held_back():
            raise error
        assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_of_the_user_is_called() -> None:
    calls: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *args: calls.append(args))
    try:
        with held_back():
            press()
            assert calls == []
        assert len(calls) == 1
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with held_back(), let_through():
            press()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_it_alone() -> None:
    def elsewhere() -> bool:
        with held_back(), let_through():
            return signal.getsignal(signal.SIGINT) is before

    before = signal.getsignal(signal.SIGINT)
    assert threading.current_thread() is threading.main_thread()
    with ThreadPoolExecutor() as pool:
        assert pool.submit(elsewhere).result()


def once(after: int) -> Callable[[], None]:
    """Ctrl-C at one call of many."""
    calls = [0]

    def count() -> None:
        calls[0] += 1
        if calls[0] == after:
            press()

    return count


@pytest.mark.parametrize("after", [1, 7, 300])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_chains_of_a_python_density_stop(after: int, at_the_end: bool) -> None:
    inner = DensitySpec.from_callable(lambda x: (-0.5 * float(x @ x), -x), 2)
    call, count = DENSITY_FUNCTION(inner.address), once(after)

    def entry(*args: Any) -> int:
        """The signal comes where the density has no `try` around it."""
        if not at_the_end:
            count()
        code: int = call(*args)
        if at_the_end:
            count()
        return code

    pointer = DENSITY_FUNCTION(entry)
    address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
    spec = dataclasses.replace(inner, address=address, owner=(inner, pointer))
    result = run_chains(spec, NutsConfig(warmup=20), np.ones((2, 2)), 0, 3000)
    assert result.interrupted and result.output.rows < 1000
    assert np.isfinite(result.output.draws).all() and len(result.states) == 2


def test_the_value_at_a_point_is_not_lost() -> None:
    def density(x: np.ndarray) -> tuple[float, np.ndarray]:
        press()
        return 0.0, x

    with pytest.raises(KeyboardInterrupt):
        DensitySpec.from_callable(density, 2).value_and_gradient(np.ones(2))


pressing: list[Callable[[], None]] = []


@torch.library.custom_op("test_interrupts::pressed", mutates_args=())
def pressed(x: Tensor) -> Tensor:
    """Torch executes it in the middle of machine code."""
    for press_now in pressing:
        press_now()
    return x.clone()


def test_compiled_code_that_calls_torch_ends_in_order() -> None:
    f = compile_function(lambda x: pressed(x * 2) + 1)
    x = torch.arange(3.0)
    assert torch.equal(f(x), 2 * x + 1) and f.reason is None
    assert any("pressed" in name for name in f.report().called_out)
    pressing.append(press)
    try:
        with pytest.raises(KeyboardInterrupt):
            f(x)
    finally:
        pressing.clear()
    assert torch.equal(f(x), 2 * x + 1)


def test_a_tick_is_a_callback_too() -> None:
    calls = []

    def tick() -> int:
        press()
        calls.append("whole")
        return 0

    with pytest.raises(KeyboardInterrupt), held_back():
        assert TICK(tick)() == 0
    assert calls == ["whole"]
