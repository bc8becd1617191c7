"""How handlers combine."""

from __future__ import annotations

from collections.abc import Callable
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
from pyro.primitives import param, plate, plate_stack, sample
from pyro.runtime import Message, NonlocalExit
from tests.laws.handler_cases import CASES, DATA, draw, program
from tests.laws.handler_comparison import (
    assert_same_site,
    assert_same_trace,
    state,
    traced,
)


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
