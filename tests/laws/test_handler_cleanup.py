"""Whatever happens inside of a handler, it leaves nothing behind; and threads are apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import HandlerError
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_struct import Trace
from pyro.primitives import markov, param, plate, sample
from pyro.runtime import STATE, Message, NonlocalExit, new_message
from tests.laws.handler_cases import CASES, HandlerCase, program
from tests.laws.handler_comparison import (
    each_case,
    handler,
    state,
    traced,
)

EXCEPTIONS: list[Callable[[], BaseException]] = [
    ValueError,
    RuntimeError,
    KeyboardInterrupt,
    GeneratorExit,
    SystemExit,
    lambda: NonlocalExit(new_message("sample", "s", dist.Normal(0.0, 1.0))),
]
SITES = ["loc", "free_before", "z", "k", "sum", "loop", "free_1", "data", "x", "free_after"]


class Bomb(Messenger):
    """Raises at a site, before or after it has its value."""

    def __init__(self, site: str, phase: str, error: Callable[[], BaseException]) -> None:
        self.site, self.phase, self.error = site, phase, error

    def _process_message(self, msg: Message) -> None:
        if self.phase == "pre" and msg["name"] == self.site:
            raise self.error()

    def _postprocess_message(self, msg: Message) -> None:
        if self.phase == "post" and msg["name"] == self.site:
            raise self.error()


@each_case
def test_an_exception_anywhere_leaves_no_trace(case: HandlerCase) -> None:
    before = state()
    for number, site in enumerate(SITES):
        for phase in ("pre", "post"):
            error = EXCEPTIONS[number % len(EXCEPTIONS)]
            inside = handler(case)(Bomb(site, phase, error)(program), **case.make())
            with pytest.raises(type(error())):
                inside()
            assert state() == before, (site, phase)
            outside = Bomb(site, phase, error)(handler(case)(program, **case.make()))
            enum_before = STATE.next_enum_dim, STATE.next_enum_id
            with suppress(type(error())):  # a handler may hide the site
                outside()
            STATE.next_enum_dim, STATE.next_enum_id = enum_before
            assert state() == before, (site, phase)


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda e: getattr(e, "__name__", "NonlocalExit"))
def test_an_exception_in_a_distribution_leaves_no_trace(error: Any) -> None:
    def fails() -> torch.Tensor:
        raise error()

    def inner() -> None:
        with plate("a", 2), poutine.scale(scale=2.0):
            loop, batch = plate("b", 3), plate("c", 2)
            for i in loop:
                with batch, markov():
                    sample(f"x_{i}", dist.Normal(0.0, 1.0) if i < 1 else fails)

    before = state()
    for case in CASES:
        with pytest.raises(type(error())):
            handler(case)(inner, **case.make())()
        assert state() == before


def test_break_out_of_sequential_plates() -> None:
    before = state()
    with poutine.trace() as tracer:
        for i in plate("outer", 5):
            for j in plate(f"inner_{i}", 5):
                sample(f"x_{i}_{j}", dist.Normal(0.0, 1.0))
                if j == 1:
                    break
            if i == 1:
                break
        assert len(STATE.stack) == 1
        sample("y", dist.Normal(0.0, 1.0))
    assert state() == before
    assert tracer.trace.nodes["y"]["cond_indep_stack"] == ()
    assert sum(name.startswith("x_") for name in tracer.trace.nodes) == 4


def test_break_and_return_out_of_markov() -> None:
    def first() -> int:
        for t in markov(range(5)):
            sample(f"x_{t}", dist.Normal(0.0, 1.0))
            if t == 2:
                return t
        return -1

    before = state()
    assert first() == 2
    assert state() == before


def test_sequential_plate_inside_try_leaves_the_stack_clean() -> None:
    with poutine.trace() as tracer:
        for attempt in range(3):
            try:
                for i in plate(f"p_{attempt}", 3):
                    if i == 1:
                        raise KeyError("stop")
            except KeyError:
                assert STATE.stack == [tracer]


def test_generators_that_are_dropped_halfway_clean_up() -> None:
    def source() -> Iterator[torch.Tensor]:
        with plate("p", 2), poutine.scale(scale=3.0):
            for i in range(5):
                yield sample(f"x_{i}", dist.Normal(0.0, 1.0))

    before = state()
    with poutine.trace() as tracer:
        for value in source():
            assert value.shape == (2,)
            break
        sample("y", dist.Normal(0.0, 1.0))
    assert state() == before
    assert tracer.trace.nodes["y"]["scale"] == 1.0
    assert tracer.trace.nodes["x_0"]["scale"] == 3.0


def test_a_decorated_generator_has_its_handler_while_it_runs() -> None:
    @poutine.scale(scale=3.0)
    def source() -> Iterator[torch.Tensor]:
        for i in range(3):
            yield sample(f"x_{i}", dist.Normal(0.0, 1.0))

    trace = traced(lambda: list(source()))
    assert [trace.nodes[f"x_{i}"]["scale"] for i in range(3)] == [3.0] * 3
    assert not STATE.stack


def test_leaving_contexts_in_the_wrong_order_is_an_error() -> None:
    outer, inner = poutine.scale(scale=2.0), poutine.mask(mask=True)
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(HandlerError, match="MaskMessenger"):
        outer.__exit__(None, None, None)
    assert not STATE.stack


def test_one_instance_cannot_be_entered_twice() -> None:
    once = poutine.scale(scale=2.0)
    with once, pytest.raises(HandlerError, match="twice"), once:
        pass


@pytest.mark.parametrize("count", [2, 8])
def test_threads_do_not_see_each_others_sites(count: int) -> None:
    lockstep = threading.Barrier(count, timeout=20)
    traces: dict[int, Trace] = {}
    errors: list[BaseException] = []

    def model(me: int) -> None:
        lockstep.wait()
        param(f"theta_{me}", torch.tensor(float(me)))
        with plate("data", me + 2):
            lockstep.wait()
            sample(f"x_{me}", dist.Normal(0.0, 1.0))
        for i in plate("loop", 2):
            lockstep.wait()
            sample(f"y_{me}_{i}", dist.Normal(0.0, 1.0))
        for t in markov(range(2)):
            lockstep.wait()
            options = {"enumerate": "parallel"}
            sample(f"k_{me}_{t}", dist.Categorical(torch.ones(me + 2)), infer=options)

    def run(me: int) -> None:
        try:
            with ExitStack() as stack:
                tracer = stack.enter_context(poutine.trace())
                stack.enter_context(poutine.enum(first_available_dim=-2 - me))
                if me % 2:
                    stack.enter_context(poutine.scale(scale=float(me)))
                model(me)
            traces[me] = tracer.trace
            assert STATE.stack == [] and STATE.plate_names == []
        except BaseException as error:
            errors.append(error)
            lockstep.abort()

    threads = [threading.Thread(target=run, args=(me,)) for me in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    for me, trace in traces.items():
        mine = {f"theta_{me}", f"x_{me}", f"y_{me}_0", f"y_{me}_1", f"k_{me}_0", f"k_{me}_1"}
        assert set(trace.nodes) == mine | {"data", "loop"}
        assert trace.nodes[f"x_{me}"]["value"].shape == (me + 2,)
        assert trace.nodes[f"x_{me}"]["scale"] == (float(me) if me % 2 else 1.0)
        assert trace.nodes[f"k_{me}_1"]["infer"]["_enumerate_dim"] == -3 - me


def test_one_decorated_function_in_several_threads() -> None:
    lockstep = threading.Barrier(4, timeout=20)
    found: list[bool] = []

    @poutine.lift(prior=dist.Normal(0.0, 1.0))
    @poutine.equalize(sites="a|b")
    @poutine.enum(first_available_dim=-1)
    @markov
    def model() -> Any:
        lockstep.wait()
        a = sample("a", dist.Normal(0.0, 1.0))
        lockstep.wait()
        b = sample("b", dist.Normal(0.0, 1.0))
        first = param("p", torch.tensor(0.0))
        lockstep.wait()
        return a, b, first, param("p", torch.tensor(0.0))

    def run() -> None:
        a, b, first, second = model()
        found.append(a is b and first is second)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
