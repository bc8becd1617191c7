"""Plates: dims, broadcasting, subsampling, and their errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import EmptyPlateError, HandlerError, ShapeError
from pyro.params.param_store import PARAM_STORE
from pyro.primitives import barrier, iarange, irange, param, plate, plate_stack, sample, subsample
from pyro.runtime import STATE, get_plates

NORMAL = dist.Normal(0.0, 1.0)


def site(trace: Any, name: str) -> Any:
    return trace.nodes[name]


def test_dims_are_allocated_from_the_right() -> None:
    with poutine.trace() as tracer:
        with plate("a", 2) as indices, plate("b", 3):
            x = sample("x", NORMAL)
        with plate("c", 5, dim=-3), plate("d", 4):
            y = sample("y", NORMAL)
            frames = get_plates()
    assert x.shape == (3, 2)
    assert y.shape == (5, 1, 4)
    assert indices.tolist() == [0, 1]
    stack = site(tracer.trace, "x")["cond_indep_stack"]
    assert [(f.name, f.dim, f.size, f.counter, f.full_size) for f in stack] == [
        ("a", -1, 2, 0, 2),
        ("b", -2, 3, 0, 3),
    ]
    assert [frame.name for frame in frames] == ["c", "d"]


def test_a_hole_is_filled_by_the_next_plate() -> None:
    with plate("left", 2, dim=-2), plate("hole", 3), plate("next", 4) as _:
        assert sample("x", NORMAL).shape == (4, 2, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: plate("p", 0), EmptyPlateError, "size cannot be zero"),
        (lambda: plate("p", 0), ZeroDivisionError, "size cannot be zero"),
        (lambda: plate("p", -2), ShapeError, "must be positive"),
        (lambda: plate("p", 3, dim=0), ValueError, "Expected dim < 0"),
        (lambda: plate("p", 3, 0), ShapeError, "subsample_size must be positive"),
        (lambda: plate("p", subsample_size=2), ShapeError, "needs the size"),
        (
            lambda: plate("p", 4, subsample_size=3, subsample=torch.arange(2)),
            ValueError,
            "Did you accidentally use different subsample_size in the model and guide?",
        ),
        (lambda: iter(plate("p")).__next__(), HandlerError, "no size"),
    ],
)
def test_impossible_plates(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("?", r"\?")):
        make()
    assert not STATE.stack


def test_colliding_plates() -> None:
    with plate("a", 2):
        with pytest.raises(ValueError, match=r"collide at dim=-1: plate 'b'.*plate 'a'.*dim=-2"):
            plate("b", 2, dim=-1).__enter__()
        with pytest.raises(ValueError, match="duplicate plate 'a'"):
            plate("a", 2).__enter__()
        assert len(STATE.stack) == 1


def test_an_automatic_dim_is_kept() -> None:
    inner = plate("inner", 2)
    with inner:
        pass
    with plate("outer", 3), pytest.raises(ShapeError, match="collide at dim=-1"):
        inner.__enter__()


def test_both_uses_of_one_plate() -> None:
    both = plate("p", 2)
    with both:
        pass
    with pytest.raises(ValueError, match="both vectorized and non-vectorized"):
        list(both)


@pytest.mark.parametrize(
    ("fn", "shape"),
    [
        (NORMAL, (4,)),
        (dist.Normal(torch.zeros(1), 1.0), (4,)),
        (dist.Normal(torch.zeros(3, 4), 1.0), (3, 4)),
        (dist.Normal(torch.zeros(3, 1), 1.0), (3, 4)),
        (dist.Normal(torch.zeros(3, 1), 1.0).to_event(1), None),
        (dist.Normal(torch.zeros(4, 3), 1.0).to_event(1), (4, 3)),
        (dist.Normal(torch.zeros(3), 1.0).to_event(1), (4, 3)),
        (dist.Normal(torch.zeros(3), 1.0), None),
    ],
)
def test_broadcasting(fn: Any, shape: tuple[int, ...] | None) -> None:
    with plate("p", 4):
        if shape is None:
            with pytest.raises(ValueError, match=r"Shape mismatch inside plate\('p'\) at site x"):
                sample("x", fn)
        else:
            assert sample("x", fn).shape == shape


def test_the_reparameterisation_flag_survives_broadcasting() -> None:
    with poutine.trace() as tracer, plate("p", 4):
        sample("x", dist.Normal(0.0, 1.0).has_rsample_(False))
    assert not site(tracer.trace, "x")["fn"].has_rsample


def test_a_plate_of_unknown_size_does_nothing_to_shapes() -> None:
    with poutine.trace() as tracer, plate("p") as indices:
        assert sample("x", dist.Normal(torch.zeros(7), 1.0)).shape == (7,)
    assert indices is None
    assert site(tracer.trace, "x")["scale"] == 1.0
    assert site(tracer.trace, "x")["cond_indep_stack"][0].size == -1


def test_subsampling_scales_and_draws_without_replacement() -> None:
    with poutine.trace() as tracer, plate("p", 10, 4) as indices, plate("q", 6, 2, dim=-2):
        sample("x", NORMAL)
    assert len(set(indices.tolist())) == 4 and int(indices.max()) < 10
    assert site(tracer.trace, "x")["scale"] == 2.5 * 3.0
    assert site(tracer.trace, "p")["scale"] == 1.0
    assert site(tracer.trace, "x")["fn"].batch_shape == (2, 4)
    with plate("full", 5, 9) as indices:
        assert indices.tolist() == list(range(5))


def test_subsampled_sums_are_unbiased() -> None:
    data = torch.arange(6.0)

    def model() -> None:
        with plate("data", 6, 2) as indices:
            sample("x", NORMAL, obs=data[indices])

    totals = torch.stack([poutine.trace(model).get_trace().log_prob_sum() for _ in range(600)])
    exact = NORMAL.log_prob(data).sum()
    error = totals.std() / len(totals) ** 0.5
    assert abs(totals.mean() - exact) < 4 * error  # fails once in 16000 seeds


def test_sequential_plates() -> None:
    with poutine.trace() as tracer:
        for i in plate("loop", 10, subsample=torch.tensor([7, 2])):
            assert type(i) is int
            sample(f"x_{i}", NORMAL)
    frames = [site(tracer.trace, f"x_{i}")["cond_indep_stack"][0] for i in (7, 2)]
    assert [(f.dim, f.counter, f.vectorized) for f in frames] == [
        (None, 1, False),
        (None, 2, False),
    ]
    assert site(tracer.trace, "x_7")["scale"] == 5.0


def test_plate_as_decorator() -> None:
    @plate("p", 3)
    def draw() -> torch.Tensor:
        result: torch.Tensor = sample("x", NORMAL)
        return result

    assert draw().shape == (3,)
    assert draw().shape == (3,)


def test_subsample_statement_follows_the_plates() -> None:
    data = torch.arange(24.0).reshape(4, 6)
    with plate("rows", 4, 2, dim=-2) as rows, plate("columns", 6, 3, dim=-1) as columns:
        assert torch.equal(subsample(data, event_dim=0), data[rows][:, columns])
        assert torch.equal(subsample(data[:, :1], event_dim=0), data[rows][:, :1])
    with plate("rows", 4, 2, dim=-1) as rows:
        assert torch.equal(subsample(data, event_dim=1), data[rows])
        with pytest.raises(ShapeError, match=r"expected size 4 \(or 1\) at dim -2"):
            subsample(data.T.contiguous(), event_dim=1)
    assert subsample(data, event_dim=1) is data


def test_params_in_subsampled_plates() -> None:
    start = torch.arange(12.0).reshape(4, 3)
    with plate("p", 4, 2) as indices:
        value = param("w", start, event_dim=1)
        whole = param("global", torch.zeros(3))
        with pytest.raises(ShapeError, match=r"'v'.*plate\('p', 4, dim=-1\)"):
            param("v", torch.zeros(5, 3), event_dim=1)
    assert torch.equal(value, start[indices])
    assert value.unconstrained() is PARAM_STORE.unconstrained("w")  # type: ignore[attr-defined]
    value.sum().backward()
    grad = PARAM_STORE.unconstrained("w").grad
    assert grad is not None and grad.sum() == 6 and grad[indices].eq(1).all()
    assert whole.shape == (3,)


def test_replay_uses_the_guides_indices_and_warns_about_the_models_own() -> None:
    def guide() -> None:
        plate("data", 10, 3)

    def model(own: torch.Tensor | None = None, size: int = 3) -> Any:
        return plate("data", 10, size, subsample=own).indices

    trace = poutine.trace(guide).get_trace()
    drawn = trace.nodes["data"]["value"]
    replayed = poutine.replay(model, trace=trace)
    assert torch.equal(replayed(), drawn)
    assert torch.equal(replayed(drawn.clone()), drawn)
    other = (drawn + 1) % 10
    with pytest.warns(UserWarning, match="other indices"):
        assert torch.equal(replayed(other), drawn)
    with pytest.raises(ValueError, match="4 vs 3"):
        replayed(size=4)


def test_plate_stack_and_block_plate() -> None:
    with plate_stack("s", (2, 3, 4), rightmost_dim=-2):
        assert sample("x", NORMAL).shape == (2, 3, 4, 1)
        with poutine.block_plate("s_1"):
            assert sample("y", NORMAL).shape == (2, 1, 4, 1)
        with (
            pytest.raises(HandlerError, match="matches 0 open plates"),
            poutine.block_plate(dim=-7),
        ):
            pass
        with poutine.block_plate("nobody", strict=False):
            pass
    with pytest.raises(HandlerError, match="exactly one"):
        poutine.block_plate()
    with pytest.raises(ValueError, match="rightmost_dim"), plate_stack("s", (2,), rightmost_dim=0):
        pass


def test_barrier_is_the_identity() -> None:
    value = torch.ones(2)
    assert barrier(value) is value
    with poutine.trace(), poutine.scale(scale=2.0):
        assert barrier(value) is value


def test_deprecated_spellings() -> None:
    with pytest.warns(DeprecationWarning, match=r"use pyro\.plate"), iarange("p", 2):
        pass
    with pytest.warns(DeprecationWarning, match=r"use pyro\.plate"):
        assert list(irange("p", 2)) == [0, 1]


def test_class_name_that_programs_look_for() -> None:
    with poutine.trace() as tracer, plate("p", 3):
        pass
    assert type(tracer.trace.nodes["p"]["fn"]).__name__ == "_Subsample"


def test_plates_of_a_stack_are_counted_from_the_right() -> None:
    with poutine.trace() as tracer, plate_stack("s", (2, 3), rightmost_dim=-2):
        assert sample("x", NORMAL).shape == (2, 3, 1)
    stack = site(tracer.trace, "x")["cond_indep_stack"]
    assert [(f.name, f.dim, f.size) for f in stack] == [("s_0", -2, 3), ("s_1", -3, 2)]
