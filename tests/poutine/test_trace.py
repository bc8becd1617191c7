"""The record of a run: its mapping, its graph, its scores, and what it says when things fail."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import DuplicateSiteError, ReplayError
from pyro.poutine import Trace
from pyro.primitives import deterministic, factor, param, plate, sample, validation_enabled
from pyro.runtime import new_message

NORMAL = dist.Normal(0.0, 1.0)


def model(n: int = 3) -> torch.Tensor:
    scale = param("scale", torch.tensor(2.0))
    z = sample("z", dist.Normal(0.0, scale))
    with plate("data", n):
        sample("x", dist.Normal(z, 1.0), obs=torch.zeros(n))
    deterministic("twice", 2 * z)
    return z


def test_nodes_input_and_return() -> None:
    trace = poutine.trace(model).get_trace(n=4)
    assert list(trace) == ["_INPUT", "scale", "z", "data", "x", "twice", "_RETURN"]
    assert trace.nodes["_INPUT"]["kwargs"] == {"n": 4}
    assert trace.nodes["_RETURN"]["value"] is trace.nodes["z"]["value"]
    assert trace.stochastic_nodes == ["z", "data"]
    assert trace.observation_nodes == ["x", "twice"]
    assert trace.param_nodes == ["scale"]
    assert trace.reparameterized_nodes == ["z", "data"]
    assert trace.nonreparam_stochastic_nodes == []
    assert [name for name, _ in trace.iter_stochastic_nodes()] == ["z", "data"]
    pruned = poutine.util.prune_subsample_sites(trace)
    assert "data" not in pruned and "data" in trace
    with poutine.trace() as context:
        model()
    assert "_INPUT" not in context.trace and "z" in context.get_trace()
    assert list(poutine.trace(model, param_only=True).get_trace()) == ["_INPUT", "scale", "_RETURN"]


def test_scores_are_the_densities() -> None:
    trace = poutine.trace(model).get_trace()
    z = trace.nodes["z"]["value"]
    expected = dist.Normal(0.0, 2.0).log_prob(z) + 3 * dist.Normal(z, 1.0).log_prob(torch.zeros(()))
    torch.testing.assert_close(trace.log_prob_sum(), expected)
    only_z = trace.log_prob_sum(lambda name, site: name == "z")
    torch.testing.assert_close(only_z, dist.Normal(0.0, 2.0).log_prob(z))
    trace.compute_score_parts()
    assert trace.nodes["z"]["score_parts"].score_function == 0
    assert trace.nodes["x"]["unscaled_log_prob"].shape == (3,)
    assert Trace().log_prob_sum() == 0.0
    trace.detach_()
    assert not trace.nodes["z"]["value"].requires_grad


def test_scores_are_remembered() -> None:
    trace = poutine.trace(model).get_trace()
    before = trace.log_prob_sum()
    trace.nodes["z"]["value"] = torch.tensor(99.0)
    assert trace.log_prob_sum() == before


@pytest.mark.parametrize("validate", [True, False])
def test_scale_and_mask_in_the_scores(validate: bool) -> None:
    """Missing data under a mask need no placeholder and spoil no gradient."""
    mask = torch.tensor([True, False, True])
    loc = torch.zeros((), requires_grad=True)

    def masked() -> None:
        with poutine.scale(scale=2.0), plate("p", 3), poutine.mask(mask=mask):
            sample("x", dist.Normal(loc, 1.0), obs=torch.tensor([1.0, float("nan"), 3.0]))

    with validation_enabled(validate):
        trace = poutine.trace(masked).get_trace()
        trace.compute_log_prob()
    node = trace.nodes["x"]
    assert node["log_prob"][1] == 0 and node["value"][1].isnan()
    torch.testing.assert_close(node["log_prob"][0], 2 * NORMAL.log_prob(torch.tensor(1.0)))
    trace.log_prob_sum().backward()
    torch.testing.assert_close(loc.grad, torch.tensor(8.0))


def test_copies_share_nodes_but_not_the_mapping() -> None:
    trace = poutine.trace(model).get_trace()
    copy = trace.copy()
    assert copy.nodes["z"] is trace.nodes["z"]
    copy.remove_node("z")
    assert "z" in trace and "z" not in copy and len(copy) == len(trace) - 1


def test_duplicate_names() -> None:
    def twice() -> None:
        sample("z", NORMAL)
        sample("z", NORMAL)

    def both() -> None:
        param("z", torch.zeros(()))
        sample("z", NORMAL)

    def params() -> None:
        param("z", torch.zeros(()))
        param("z", torch.zeros(()))

    with pytest.raises(DuplicateSiteError, match="Multiple sample sites named 'z'"):
        poutine.trace(twice)()
    with pytest.raises(RuntimeError, match="z is already in the trace as a param"):
        poutine.trace(both)()
    assert poutine.trace(params).get_trace().param_nodes == ["z"]


def test_the_graph() -> None:
    trace = Trace(graph_type="dense")
    for name in "abcd":
        trace.add_node(name, **new_message("sample", name, NORMAL))
    for edge in ("ab", "bd", "ac", "cd"):
        trace.add_edge(*edge)
    assert sorted(trace.edges) == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    assert set(trace.predecessors("d")) == {"b", "c"} and set(trace.successors("a")) == {"b", "c"}
    order = trace.topological_sort()
    assert all(order.index(a) < order.index(b) for a, b in trace.edges)
    assert trace.topological_sort(reverse=True) == order[::-1]
    trace.remove_node("b")
    assert trace.edges == [("a", "c"), ("c", "d")]
    with pytest.raises(ValueError, match="graph_type"):
        Trace(graph_type="sparse")


def test_dense_edges_respect_sequential_plates() -> None:
    def loops() -> None:
        sample("before", NORMAL)
        for i in plate("loop", 2):
            sample(f"a_{i}", NORMAL)
            sample(f"b_{i}", NORMAL)
        sample("after", NORMAL)

    edges = set(poutine.trace(loops, graph_type="dense").get_trace().edges)
    assert ("before", "a_0") in edges and ("a_0", "b_0") in edges and ("b_0", "after") in edges
    assert ("a_0", "b_1") not in edges and ("a_0", "a_1") not in edges


def test_format_shapes() -> None:
    trace = poutine.trace(model).get_trace()
    trace.compute_log_prob()
    lines = trace.format_shapes().splitlines()
    assert [line.split() for line in lines] == [
        ["Trace", "Shapes:"],
        ["Param", "Sites:"],
        ["scale", "|"] if "|" in lines[2] else ["scale"],
        ["Sample", "Sites:"],
        ["z", "dist", "|"],
        ["value", "|"],
        ["log_prob", "|"],
        ["x", "dist", "3", "|"],
        ["value", "3", "|"],
        ["log_prob", "3", "|"],
        ["twice", "dist", "|"],
        ["value", "|"],
        ["log_prob", "|"],
    ]
    assert "twice" not in trace.format_shapes(last_site="x")


def test_log_prob_errors_name_the_site_and_show_the_table() -> None:
    def bad() -> None:
        sample("ok", NORMAL)
        sample("p", dist.Beta(1.0, 1.0), obs=torch.tensor(3.0))

    trace = poutine.trace(bad).get_trace()
    with pytest.raises(ValueError, match="Error while computing log_prob at site 'p'") as caught:
        trace.log_prob_sum()
    assert "Trace Shapes:" in str(caught.value) and "ok" in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(("bad", "kind"), [(float("nan"), "NaN"), (float("inf"), r"\+inf")])
def test_non_finite_densities_are_warned_about(bad: float, kind: str) -> None:
    class Broken(dist.TorchDistribution):
        arg_constraints: dict[str, Any] = {}

        def log_prob(self, value: torch.Tensor) -> torch.Tensor:
            return value.new_tensor([0.0, bad, 0.0])

    def bad_model() -> None:
        sample("f", Broken((3,)), obs=torch.tensor([4.0, 5.0, 6.0]))

    with validation_enabled(True):
        trace = poutine.trace(bad_model).get_trace()
        with pytest.warns(UserWarning, match=rf"Encountered {kind}: log_prob_sum at site 'f'.* 5"):
            trace.log_prob_sum()
    with warnings.catch_warnings(), validation_enabled(False):
        warnings.simplefilter("error")
        poutine.trace(bad_model).get_trace().log_prob_sum()


def test_minus_infinity_is_a_legal_density() -> None:
    trace = poutine.trace(lambda: factor("f", float("-inf"))).get_trace()
    assert trace.log_prob_sum() == float("-inf")


@pytest.mark.parametrize(
    ("broken", "note"),
    [
        (
            lambda: sample("sigma", dist.Normal(0.0, -1.0)),
            'in sample("sigma", ...) at test_trace.py',
        ),
        (
            lambda: sample(
                f"sigma_{1}",
                dist.Normal(0.0, -1.0),
            ),
            'in sample(f"sigma_{1}", ...) at test_trace.py',
        ),
        (lambda: param("theta"), 'in param("theta") at test_trace.py'),
        (lambda: sample(name="s", fn=dist.Beta(-1.0, 1.0)), 'in sample("s", ...) at test_trace.py'),
    ],
)
def test_errors_name_the_statement(broken: Any, note: str) -> None:
    def program() -> None:
        sample("before", NORMAL)
        broken()

    with pytest.raises((ValueError, KeyError)) as caught:
        poutine.trace(program).get_trace()
    if isinstance(caught.value, ValueError):
        notes = "\n".join(caught.value.__notes__)
        assert note in notes and "before" in notes


def test_errors_that_come_from_no_statement_have_only_the_table() -> None:
    def program() -> None:
        sample("before", NORMAL)
        torch.zeros(2) + torch.zeros(3)

    with pytest.raises(RuntimeError) as caught:
        poutine.trace(program).get_trace()
    assert len(caught.value.__notes__) == 1


def test_nested_traces_explain_an_error_once() -> None:
    with pytest.raises(ValueError, match="scale") as caught:
        poutine.trace(poutine.trace(lambda: sample("s", dist.Normal(0.0, -1.0))))()
    assert sum("Trace Shapes" in note for note in caught.value.__notes__) == 1


def test_the_trace_of_a_failed_call_is_kept() -> None:
    def fails() -> None:
        sample("z", NORMAL)
        raise KeyError

    tracer = poutine.trace(fails)
    with pytest.raises(KeyError):
        tracer()
    assert list(tracer.trace) == ["_INPUT", "z"]


def test_replay_needs_sampled_values() -> None:
    observed = poutine.trace(lambda: sample("z", NORMAL, obs=torch.zeros(()))).get_trace()
    with pytest.raises(ReplayError, match="z must be sampled in trace"):
        poutine.replay(lambda: sample("z", NORMAL), trace=observed)()
    with pytest.raises(ValueError, match="needs a trace"):
        poutine.replay(model)


def test_replay_does_not_write_into_the_replayed_trace() -> None:
    trace = poutine.trace(lambda: sample("z", NORMAL)).get_trace()
    with poutine.infer_config(config_fn=lambda msg: {"mark": 1}):
        poutine.replay(lambda: sample("z", NORMAL), trace=trace)()
    assert trace.nodes["z"]["infer"] == {}


def test_dense_edges_join_sites_but_not_index_draws() -> None:
    @poutine.trace(graph_type="dense")
    def program() -> None:
        sample("a", NORMAL)
        for i in plate("loop", 2):
            sample(f"b{i}", NORMAL)

    trace = program.get_trace()
    assert set(trace.edges) == {("a", "b0"), ("a", "b1")}
    assert trace.successors("a") == {"b0", "b1"}
    assert trace.predecessors("b1") == {"a"}
    assert len(trace.predecessors("loop")) == 0
