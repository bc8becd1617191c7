"""Laws that every handler obeys, and the algebra of the handlers."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from queue import LifoQueue
from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import HandlerError
from pyro.poutine import handlers
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_struct import Trace
from pyro.primitives import markov, param, plate, plate_stack, sample
from pyro.runtime import STATE, Message, NonlocalExit, new_message
from tests.laws.handler_cases import CASES, DATA, HandlerCase, draw, program

FIELDS = ("type", "is_observed", "value", "fn", "scale", "mask", "cond_indep_stack", "infer")
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def handler(case: HandlerCase) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(poutine, case.handler)
    return found


def traced(fn: Callable[..., Any]) -> Trace:
    trace: Trace = handlers.trace(fn).get_trace()
    trace.compute_log_prob()
    return trace


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, dist.Distribution):
        return type(a) is type(b) and repr(a) == repr(b)
    if isinstance(a, Messenger):
        return type(a) is type(b)
    return bool(a == b)


def assert_same_site(a: Message, b: Message, fields: tuple[str, ...]) -> None:
    for key in fields:
        assert same(a.get(key), b.get(key)), (a["name"], key, a.get(key), b.get(key))


def assert_same_trace(a: Trace, b: Trace) -> None:
    assert list(a.nodes) == list(b.nodes)
    for name in a.nodes:
        assert_same_site(a.nodes[name], b.nodes[name], (*FIELDS, "log_prob"))


def state() -> Any:
    return (
        len(STATE.stack),
        [name for name in STATE.plate_names if name is not None],
        STATE.next_enum_dim,
        STATE.next_enum_id,
        dict(STATE.entered),
    )


# --- each handler by itself -----------------------------------------------------------------------


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


# --- exceptions -----------------------------------------------------------------------------------

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


# --- threads --------------------------------------------------------------------------------------


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


# --- algebra --------------------------------------------------------------------------------------


def total(fn: Callable[..., Any], values: Trace | None = None) -> torch.Tensor:
    fixed = fn if values is None else poutine.replay(fn, trace=values)
    result: torch.Tensor = handlers.trace(fixed).get_trace().log_prob_sum()
    return result


def test_scales_multiply_and_masks_are_anded() -> None:
    twice = poutine.scale(poutine.scale(program, scale=2.0), scale=3.0)
    torch.testing.assert_close(total(twice), total(poutine.scale(program, scale=6.0)))
    a, b = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])

    def model() -> None:
        with plate("p", 4):
            draw("x", dist.Normal(0.0, 1.0))

    both = traced(poutine.mask(poutine.mask(model, mask=a), mask=b)).nodes["x"]
    assert torch.equal(both["mask"], a & b)
    assert both["log_prob"].ne(0).tolist() == (a & b).tolist()
    one = traced(poutine.mask(poutine.mask(model, mask=a), mask=False)).nodes["x"]
    assert not one["log_prob"].any()


def test_scale_and_mask_commute() -> None:
    mask = torch.tensor(True)
    a = poutine.scale(poutine.mask(program, mask=mask), scale=2.0)
    b = poutine.mask(poutine.scale(program, scale=2.0), mask=mask)
    assert_same_trace(traced(a), traced(b))


def test_a_trace_inside_records_the_effect_of_handlers_outside() -> None:
    with poutine.scale(scale=5.0), plate("p", 3), poutine.trace() as inside:
        sample("x", dist.Normal(0.0, 1.0))
    site = inside.trace.nodes["x"]
    assert site["scale"] == 5.0
    assert site["value"].shape == (3,)
    assert [frame.name for frame in site["cond_indep_stack"]] == ["p"]


def test_block_hides_from_handlers_outside_only() -> None:
    with poutine.trace() as outside, poutine.scale(scale=2.0):
        with poutine.block(), poutine.trace() as inside:
            sample("x", dist.Normal(0.0, 1.0))
        sample("y", dist.Normal(0.0, 1.0))
    assert list(outside.trace.nodes) == ["y"]
    assert inside.trace.nodes["x"]["scale"] == 1.0


def test_replay_reproduces_the_density() -> None:
    first = traced(program)
    torch.manual_seed(5)
    torch.testing.assert_close(total(program, first), first.log_prob_sum())


def test_condition_is_replay_with_observations() -> None:
    first = traced(program)
    data = {name: first.nodes[name]["value"] for name in ("z", "w", "u", "k")}
    conditioned = traced(poutine.condition(program, data=data))
    for name in data:
        assert conditioned.nodes[name]["is_observed"]
    torch.testing.assert_close(conditioned.log_prob_sum(), first.log_prob_sum())
    from_trace = traced(poutine.condition(program, data=first))
    torch.testing.assert_close(from_trace.log_prob_sum(), first.log_prob_sum())


def test_the_innermost_condition_is_overruled_by_the_outer() -> None:
    inner = poutine.condition(program, data={"z": torch.tensor(1.0)})
    outer = poutine.condition(inner, data={"z": torch.tensor(2.0)})
    assert traced(outer).nodes["z"]["value"] == 2.0
    free = poutine.condition(inner, data={"z": None})
    assert not traced(free).nodes["z"]["is_observed"]


def test_uncondition_undoes_condition() -> None:
    conditioned = poutine.condition(program, data={"z": torch.tensor(1.0)})
    site = traced(poutine.uncondition(conditioned)).nodes["z"]
    assert not site["is_observed"]
    assert site["value"] == traced(program).nodes["z"]["value"]
    assert site["infer"]["was_observed"] and site["infer"]["obs"] == 1.0
    again = poutine.condition(poutine.uncondition(program), data={"x": DATA})
    assert_same_site(
        traced(again).nodes["x"], traced(program).nodes["x"], ("value", "is_observed", "log_prob")
    )


def test_lift_then_condition_is_substitute_up_to_the_prior() -> None:
    prior, value = dist.Normal(1.0, 2.0), torch.tensor(0.4)
    lifted = poutine.condition(poutine.lift(program, prior={"loc": prior}), data={"loc": value})
    substituted = poutine.substitute(program, data={"loc": value})
    torch.testing.assert_close(total(lifted), total(substituted) + prior.log_prob(value))


def test_lifted_parameters_are_sampled_once() -> None:
    def model() -> tuple[torch.Tensor, torch.Tensor]:
        return param("p", torch.tensor(0.0)), param("p", torch.tensor(0.0))

    trace = traced(poutine.lift(model, prior=dist.Normal(0.0, 1.0)))
    a, b = trace.nodes["_RETURN"]["value"]
    assert a is b
    assert trace.stochastic_nodes == ["p"] and trace.param_nodes == []


def test_seed_is_reproducible_and_restores_the_generators() -> None:
    def noise() -> torch.Tensor:
        return sample("x", dist.Normal(0.0, 1.0))

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    seeded = poutine.seed(noise, rng_seed=11)
    a, b, c = seeded(), seeded(), poutine.seed(noise, rng_seed=12)()
    assert a == b != c
    assert torch.equal(torch.rand(2), expected)


def test_do_splits_the_site() -> None:
    intervened = poutine.do(program, data={"z": 9.0})
    trace = traced(intervened)
    plain = traced(program)
    assert_same_site(trace.nodes["z"], plain.nodes["z"], ("value", "is_observed", "log_prob"))
    assert trace.nodes["_RETURN"]["value"] == 9.0
    assert trace.nodes["term"]["log_prob"] == -81.0
    assert "z__CF" not in trace.nodes
    with poutine.do(data={"z": 9.0}):
        inside = traced(program)
    assert inside.nodes["z__CF"]["is_observed"] and inside.nodes["z__CF"]["value"] == 9.0


@pytest.mark.parametrize("outer", ["do", "condition"])
def test_do_and_condition_compose(outer: str) -> None:
    seen, forced = {"z": torch.tensor(1.0)}, {"z": torch.tensor(9.0)}
    if outer == "do":
        both = poutine.do(poutine.condition(program, data=seen), data=forced)
    else:
        both = poutine.condition(poutine.do(program, data=forced), data=seen)
    trace = traced(both)
    assert trace.nodes["z"]["is_observed"] and trace.nodes["z"]["value"] == 1.0
    assert trace.nodes["_RETURN"]["value"] == 9.0


def test_two_interventions_on_one_site_warn() -> None:
    inner = poutine.do(program, data={"z": 1.0})
    with pytest.warns(RuntimeWarning, match="'z' has been intervened on"):
        assert poutine.do(inner, data={"z": 2.0})() == 1.0


def test_do_in_plates_scales_the_fresh_site_once() -> None:
    def model() -> torch.Tensor:
        with plate("p", 10, subsample_size=5):
            return sample("x", dist.Normal(0.0, 1.0))

    site = traced(poutine.do(model, data={"x": torch.zeros(5)})).nodes["x"]
    assert site["scale"] == 2.0 and len(site["cond_indep_stack"]) == 1


def test_reparam_keeps_the_joint_density_of_what_follows() -> None:
    case = next(case for case in CASES if case.handler == "reparam")
    trace = traced(poutine.reparam(program, **case.make()))
    assert trace.nodes["z"]["infer"]["_deterministic"]
    assert trace.nodes["z"]["value"] == trace.nodes["z_moved"]["value"] + 1
    assert "z_moved" in trace.stochastic_nodes and "z" not in trace.stochastic_nodes


def test_reparam_accepts_the_deprecated_form_and_warns_about_lost_values() -> None:
    def shift(name: str, fn: Any, obs: Any) -> tuple[Any, Any]:
        value = sample(f"{name}_0", dist.Normal(0.0, 1.0))
        return dist.Delta(value).mask(False), value

    def model() -> torch.Tensor:
        return sample("z", dist.Normal(0.0, 1.0))

    trace = traced(poutine.reparam(model, config=lambda site: {"z": shift}.get(site["name"])))
    assert trace.nodes["z"]["value"] is trace.nodes["z_0"]["value"]

    class Start(Messenger):
        _initializes = True

        def _pyro_sample(self, msg: Message) -> None:
            msg["value"] = torch.tensor(0.2)

    with pytest.warns(RuntimeWarning, match="does not commute"), Start():
        poutine.reparam(model, config={"z": shift})()


def test_queue_visits_every_path_once() -> None:
    def model() -> list[int]:
        path = []
        while len(path) < 3:
            path.append(int(sample(f"b_{len(path)}", dist.Bernoulli(0.3))))
            if path[-1]:
                break
        return path

    paths: Any = LifoQueue()
    paths.put(poutine.Trace())
    search = poutine.trace(poutine.queue(model, queue=paths))
    found, weights = [], []
    while not paths.empty():
        trace = search.get_trace()
        found.append(trace.nodes["_RETURN"]["value"])
        weights.append(trace.log_prob_sum().exp())
    assert sorted(found) == [[0, 0, 0], [0, 0, 1], [0, 1], [1]]
    assert float(sum(weights)) == pytest.approx(1.0)
    with pytest.raises(HandlerError, match="no partial traces"):
        search()

    decorated = poutine.queue(queue=paths, max_tries=1)(model)
    paths.put(poutine.Trace())
    with pytest.raises(HandlerError, match=r"max tries \(1\)"):
        decorated()


def test_search_written_by_hand_with_escape() -> None:
    """A depth-first search in user code, from the parts that the queue is made of."""
    paths: Any = LifoQueue()
    paths.put(poutine.Trace())
    done = []
    while not paths.empty():
        partial = paths.get()
        tracer = poutine.trace(
            poutine.escape(
                poutine.replay(lambda: sample("b", dist.Categorical(torch.ones(3))), trace=partial),
                escape_fn=lambda msg, partial=partial: poutine.util.discrete_escape(partial, msg),
            )
        )
        try:
            done.append(int(tracer()))
        except NonlocalExit as leaving:
            leaving.reset_stack()
            for extended in poutine.util.enum_extend(tracer.trace.copy(), leaving.site):
                paths.put(extended)
    assert sorted(done) == [0, 1, 2]


def test_nonlocal_exit_resets_handlers_outside_up_to_a_block() -> None:
    paths: Any = LifoQueue()
    paths.put(poutine.Trace())

    def model() -> None:
        sample("c", dist.Normal(0.0, 1.0))
        param("p", torch.tensor(0.0))
        sample("b", dist.Bernoulli(0.5))

    with poutine.trace() as outside, poutine.lift(prior=dist.Normal(0.0, 1.0)):
        with plate("p_outer", 2):
            poutine.queue(model, queue=paths)()
    assert set(outside.trace.nodes) == {"c", "p", "b"}
    assert outside.trace.nodes["b"]["value"].shape == ()


def test_plates_restored_after_block_plate_and_stack() -> None:
    with plate_stack("s", (2, 3)), poutine.block_plate(dim=-2):
        x = sample("x", dist.Normal(0.0, 1.0))
    assert x.shape == (3,)
    assert state()[:2] == (0, [])


def test_names_that_no_site_bears_are_told_of() -> None:
    with pytest.warns(UserWarning, match="'nobody'"):
        poutine.condition(program, data={"nobody": torch.tensor(0.0)})()
    with pytest.warns(UserWarning, match="lift: prior did not find params 'nobody'"):
        poutine.lift(program, prior={"nobody": dist.Normal(0.0, 1.0)})()
    with pytest.warns(UserWarning, match="substitute did not find param 'nobody'"):
        poutine.substitute(program, data={"nobody": 1.0})()
