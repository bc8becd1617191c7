"""Laws that every handler obeys, each by itself."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any

import pytest

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import HandlerError
from pyro.poutine import handlers
from pyro.primitives import sample
from tests.laws.handler_cases import DATA, HandlerCase, program
from tests.laws.handler_comparison import (
    FIELDS,
    assert_same_site,
    assert_same_trace,
    each_case,
    handler,
    state,
    traced,
)


@each_case
def test_untouched_sites_stay_identical(case: HandlerCase) -> None:
    plain = traced(program)
    handled = traced(handler(case)(program, **case.make()))
    sites = [n for n, s in plain.nodes.items() if s["type"] in ("sample", "param")]
    untouched = [name for name in sites if name not in case.touched]
    assert "free_0" in untouched
    for name in untouched:
        fields = [key for key in (*FIELDS, "log_prob") if key not in case.changes]
        assert_same_site(plain.nodes[name], handled.nodes[name], tuple(fields))


@each_case
def test_touched_sites_change(case: HandlerCase) -> None:
    plain, handled = traced(program), traced(handler(case)(program, **case.make()))
    for name in case.touched & plain.nodes.keys():
        with pytest.raises((AssertionError, KeyError)):
            assert_same_site(plain.nodes[name], handled.nodes[name], (*FIELDS, "log_prob"))


@each_case
def test_wrapper_decorator_and_context_agree(case: HandlerCase) -> None:
    make, arguments = handler(case), case.make()
    names = list(inspect.signature(make).parameters)[1:]

    @make(**arguments)
    def decorated() -> Any:
        return program()

    def in_context() -> Any:
        with make(**arguments):
            return program()

    wrapped = traced(make(program, **arguments))
    assert_same_trace(wrapped, traced(decorated))
    assert_same_trace(wrapped, traced(in_context))
    assert_same_trace(wrapped, traced(make(fn=program, **arguments)))
    if names[: len(arguments)] == list(arguments):
        assert_same_trace(wrapped, traced(make(program, *arguments.values())))


@each_case
def test_a_handler_can_be_used_again(case: HandlerCase) -> None:
    handled = handler(case)(program, **case.make())
    assert_same_trace(traced(handled), traced(handled))


@pytest.mark.filterwarnings("ignore:trying to observe")
@each_case
def test_the_wrapped_function_keeps_its_name_and_arguments(case: HandlerCase) -> None:
    handled = handler(case)(program, **case.make())
    assert handled.__name__ == "program"
    assert poutine.unwrap(handled) is program
    assert handled(data=DATA).shape == ()


@each_case
def test_methods_can_be_decorated(case: HandlerCase) -> None:
    class Model:
        scale = 2.0

        @handler(case)(**case.make())
        def run(self) -> Any:
            assert self.scale == 2.0
            return program()

    assert_same_trace(traced(Model().run), traced(handler(case)(program, **case.make())))


@each_case
def test_recursion_of_a_decorated_function(case: HandlerCase) -> None:
    before = state()

    @handler(case)(**case.make())
    def countdown(n: int) -> int:
        sample(f"step_{n}", dist.Normal(0.0, 1.0))
        return n if n == 0 else countdown(n - 1)

    with suppress(UserWarning):
        assert countdown(3) == 0
    assert state()[:2] == before[:2]


@pytest.mark.parametrize("name", sorted(set(handlers.__all__) - {"queue", "markov"}))
def test_a_first_argument_that_is_no_function_is_explained(name: str) -> None:
    with pytest.raises(HandlerError, match="keyword"):
        getattr(poutine, name)(0.5)


@pytest.mark.parametrize("name", sorted(set(handlers.__all__) - {"queue", "markov", "trace"}))
def test_signature_and_documentation_are_the_messengers(name: str) -> None:
    made = getattr(poutine, name)
    parameters = list(inspect.signature(made).parameters)
    assert parameters == ["fn", *inspect.signature(made.messenger).parameters]
    assert made.__doc__ == made.messenger.__doc__
    assert made.__name__ == name
