"""Laws that hold for every transform of the table."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from typing import Any

import pytest
import torch

import pyro.distributions as dist
import pyro.distributions.transforms as T
from tests.laws.transform_cases import CASES, CONDITIONAL, FLOWS, PLAIN, Case, context

every = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
learnable = pytest.mark.parametrize("case", FLOWS + CONDITIONAL, ids=lambda c: c.id)
conditional = pytest.mark.parametrize("case", CONDITIONAL, ids=lambda c: c.id)
BATCH = (2, 3)


def close(actual: Any, expected: Any, tol: float = 1e-7) -> None:
    torch.testing.assert_close(actual, expected, rtol=tol, atol=tol)


def fresh(x: torch.Tensor) -> torch.Tensor:
    """The same values in a new tensor, so that nothing is answered from memory."""
    return x.detach().clone()


def log_det_by_autograd(case: Case, t: Any, x: torch.Tensor) -> torch.Tensor:
    """The log-determinant of one event, from the full Jacobian."""
    into, out = case.coordinates or (lambda v: v, lambda v: v)
    lift = case.lift or (lambda v: v)
    free = into(x)
    jacobian = torch.autograd.functional.jacobian(lambda v: out(t(lift(v))).reshape(-1), free)
    return torch.linalg.slogdet(jacobian.reshape(free.numel(), -1))[1]


@every
def test_inverse_undoes_forward(case: Case) -> None:
    t = case.at(case.build(), BATCH)
    x = case.draw(t, BATCH)
    y = t(x)
    assert t.codomain.check(y).all()
    back = t.inv(fresh(y))
    assert t.domain.check(back).all()
    close(back.detach(), x)


@every
def test_forward_undoes_inverse(case: Case) -> None:
    if not case.onto:
        pytest.skip("not onto the reals")
    t = case.at(case.build(), BATCH)
    y = dist.biject_to(t.codomain)(torch.randn(t(case.draw(t, BATCH)).shape, dtype=torch.float64))
    x = t.inv(y)
    close(t(fresh(x)).detach(), y)


@every
def test_log_det_is_that_of_the_jacobian(case: Case) -> None:
    made = case.build()
    t = case.at(made, ())
    for x in case.draw(t, (3,)):
        expected = log_det_by_autograd(case, t, x)
        y = t(x)
        close(t.log_abs_det_jacobian(x, y).sum().detach(), expected.detach(), 1e-6)
        again = case.at(made, ())  # nothing at hand from the forward pass
        close(
            again.log_abs_det_jacobian(fresh(x), fresh(y)).sum().detach(), expected.detach(), 1e-6
        )


@every
def test_log_det_after_the_inverse(case: Case) -> None:
    t = case.at(case.build(), BATCH)
    x = case.draw(t, BATCH)
    y = t(x)
    expected = t.log_abs_det_jacobian(x, y)
    target = fresh(y)
    close(t.log_abs_det_jacobian(t.inv(target), target), expected, 1e-6)
    close(t.inv.log_abs_det_jacobian(target, t.inv(target)), -expected, 1e-6)


@every
def test_shapes(case: Case) -> None:
    t = case.at(case.build(), BATCH)
    x = case.draw(t, BATCH)
    y = t(x)
    dim = max(t.domain.event_dim, t.codomain.event_dim)
    assert y.shape == t.forward_shape(x.shape)
    assert x.shape == t.inverse_shape(y.shape)
    log_det = t.log_abs_det_jacobian(x, y)
    assert log_det.shape == x.shape[: x.dim() - dim]
    assert t.bijective


@every
def test_batch_is_independent(case: Case) -> None:
    made = case.build()
    x = case.draw(case.at(made, BATCH), BATCH)
    whole = case.at(made, BATCH)(x)
    if case.conditional:
        at = context(BATCH)
        one = made.condition(at[1, 2])(x[1, 2])
    else:
        one = made(x[1, 2])
    close(one, whole[1, 2])


@every
def test_inverse_has_the_gradient_of_the_inverse(case: Case) -> None:
    t = case.at(case.build(), ())
    x = case.draw(t, ())
    y = fresh(t(x)).requires_grad_()
    if case.coordinates is not None:
        pytest.skip("fewer coordinates than entries")
    inverse = torch.autograd.functional.jacobian(lambda v: t.inv(v).reshape(-1), y)
    forward = torch.autograd.functional.jacobian(lambda v: t(v).reshape(-1), x)
    n = x.numel()
    close(inverse.reshape(n, n) @ forward.reshape(n, n), torch.eye(n, dtype=x.dtype), 1e-5)


@learnable
def test_parameters_receive_gradients_both_ways(case: Case) -> None:
    made = case.build()
    t = case.at(made, (4,))
    x = case.draw(t, (4,))
    wanted = {name for name, p in made.named_parameters() if p.requires_grad}
    assert wanted
    y = t(x)
    (y.sum() + t.log_abs_det_jacobian(x, y).sum()).backward()
    forward = {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}
    assert set(forward) == wanted
    assert all(torch.isfinite(g).all() for g in forward.values())
    made.zero_grad()
    t = case.at(made, (4,))
    t.inv(fresh(y)).square().sum().backward()
    backward = [p.grad for p in made.parameters() if p.grad is not None]
    assert backward
    assert all(torch.isfinite(g).all() for g in backward)


@learnable
def test_parameter_gradient_of_the_inverse(case: Case) -> None:
    """As x(y(x)) = x for every parameter, dx/dp = -(dx/dy) (dy/dp)."""
    made = case.build()
    t = case.at(made, ())
    x = case.draw(t, ())
    y = fresh(t(x)).requires_grad_()
    weight = torch.randn(case.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(4))
    params = list(made.parameters())
    solved = case.at(made, ()).inv(y)
    at_y, *direct = torch.autograd.grad((weight * solved).sum(), [y, *params], allow_unused=True)
    moved = (at_y.detach() * case.at(made, ())(x)).sum()
    through = torch.autograd.grad(moved, params, allow_unused=True)
    for a, b in zip(direct, through, strict=True):
        zero = torch.zeros(())
        close(
            (zero if a is None else a).sum().double(),
            -(zero if b is None else b).sum().double(),
            1e-5,
        )


@pytest.mark.parametrize("case", FLOWS, ids=lambda c: c.id)
def test_round_trip_is_answered_from_memory(case: Case) -> None:
    if case.id == "batchnorm":
        pytest.skip("has no memory")
    t = case.build()
    x = case.draw(t, BATCH)
    y = t(x)
    assert t.inv(y) is x
    target = fresh(y)
    back = t.inv(target)
    assert t(back) is target


@pytest.mark.parametrize("case", FLOWS, ids=lambda c: c.id)
def test_memory_is_void_when_parameters_change(case: Case) -> None:
    if not case.onto:
        pytest.skip("the data may leave its range")
    t = case.build()
    x = case.draw(t, (2,))
    y = t(x)
    data = fresh(y)
    base = dist.Normal(torch.ones(case.shape, dtype=x.dtype), 1.0).to_event(t.domain.event_dim)
    flow = dist.TransformedDistribution(base, t)
    optimizer = torch.optim.SGD(t.parameters(), lr=0.01)
    losses = []
    for _ in range(3):  # the same tensor again and again: a stale graph would raise
        with torch.no_grad():
            flow.log_prob(data)
        loss = -flow.log_prob(data).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(t.parameters(), 0.1)
        optimizer.step()
        losses.append(loss.item())
    assert len(set(losses)) == 3
    moved = t.inv(y)
    close(t(fresh(moved)).detach(), y.detach(), 1e-6)


@every
def test_copies_and_pickles(case: Case) -> None:
    made = case.build()
    t = case.at(made, ())
    x = case.draw(t, ())
    expected = t(x)  # the memory is full when the copies are made
    t.inv(expected)
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        close(case.at(twin, ())(x), expected)


@learnable
def test_state_dict_round_trip(case: Case) -> None:
    made, other = case.build(), case.make().double()
    other.load_state_dict(made.state_dict())
    other.train(made.training)
    x = case.draw(case.at(made, ()), ())
    close(case.at(other, ())(x), case.at(made, ())(x))


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_dtype(case: Case, dtype: torch.dtype) -> None:
    if case.id == "lower_cholesky_affine":
        pytest.skip("its parameters are given")
    t = case.at(case.build(dtype), BATCH, dtype)
    x = case.draw(t, BATCH, dtype)
    y = t(x)
    assert y.dtype is t.log_abs_det_jacobian(x, y).dtype is t.inv(fresh(y)).dtype is dtype


@every
def test_composition(case: Case) -> None:
    t = case.at(case.build(), BATCH)
    x = case.draw(t, BATCH)
    both = T.ComposeTransform([t, t.inv])
    close(both(x).detach(), x)
    log_det = both.log_abs_det_jacobian(x, both(x))
    close(log_det, torch.zeros_like(log_det), 1e-6)


@every
def test_cache_size(case: Case) -> None:
    t = case.at(case.build(), BATCH)
    x = case.draw(t, BATCH)
    for size in (0, 1):
        other = t.with_cache(size)
        assert other._cache_size == size
        close(other(x), t(x))
        y = other(x)
        assert (other.inv(y) is x) == (size == 1) or isinstance(t, T.ComposeTransform)


@every
def test_transformed_distribution(case: Case) -> None:
    t = case.at(case.build(), BATCH)
    if t.domain.event_dim and t.domain is dist.constraints.simplex:
        base = dist.Dirichlet(torch.ones(case.shape, dtype=torch.float64)).expand(BATCH)
    else:
        base = dist.Normal(torch.zeros(case.shape, dtype=torch.float64), 1.0)
        base = base.to_event(t.domain.event_dim)
        base = base.expand(BATCH + base.batch_shape)
    d = dist.TransformedDistribution(base, t)
    x = d.rsample()
    log_prob = d.log_prob(x)
    assert log_prob.shape == d.batch_shape
    close(d.log_prob(fresh(x)).detach(), log_prob.detach(), 1e-6)


@conditional
def test_conditional_distribution(case: Case) -> None:
    made = case.build()
    dim = made.condition(context(())).domain.event_dim
    base = dist.Normal(torch.zeros(case.shape, dtype=torch.float64), 1.0).to_event(dim)
    flow = dist.ConditionalTransformedDistribution(base, [made, T.permute(3)] if dim == 1 else made)
    at = context((5,))
    d = flow.condition(at)
    x = d.sample((5,)) if not d.batch_shape or dim == 0 else d.sample()
    x = x if x.shape == (5, *case.shape) else d.sample((5,))
    whole = flow.condition(at).log_prob(x)
    one = flow.condition(at[3]).log_prob(x[3])
    close(whole[3], one, 1e-6)
    flow.clear_cache()


@pytest.mark.parametrize("case", PLAIN, ids=lambda c: c.id)
def test_equality(case: Case) -> None:
    t = case.build()
    assert t == t
    assert t.inv.inv is t


@pytest.mark.parametrize("order", ["linear", "quadratic"])
def test_spline_is_continuous_at_its_knots_and_borders(order: str) -> None:
    torch.manual_seed(0)
    t = T.spline(1, order=order).double()
    x = torch.linspace(-4, 4, 200_001, dtype=torch.float64)[:, None]
    y = t(x).detach()
    slope = t.log_abs_det_jacobian(x, y).exp().detach()
    assert (y.diff(dim=0) > 0).all()
    close(y.diff(dim=0) / x.diff(dim=0), (slope[1:] + slope[:-1]) / 2, 2e-2)
    edge = torch.tensor([[-3.0], [3.0]], dtype=torch.float64)
    close(t(edge).detach(), edge)
    close(t.log_abs_det_jacobian(edge, edge).detach(), torch.zeros_like(edge), 1e-2)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    "name", ["planar", "radial", "neural_autoregressive", "spline", "sylvester"]
)
def test_extreme_inputs_are_finite(name: str, dtype: torch.dtype, scale: float) -> None:
    torch.manual_seed(0)
    t = getattr(T, name)(3).to(dtype)
    x = torch.randn(20, 3, dtype=dtype) * scale
    y = t(x)
    assert torch.isfinite(y).all()
    assert torch.isfinite(t.log_abs_det_jacobian(x, y)).all()
    if name == "neural_autoregressive" and scale > 1:
        return  # slopes as small as exp(-300): the inverse is lost to rounding
    close(t.inv(fresh(y)).detach(), x, 1e-3 if dtype is torch.float32 else 1e-8)


def test_clear_cache_forgets() -> None:
    flow = T.iterated(2, T.planar, 2)
    tanh = T.IndependentTransform(T.TanhTransform(), 1, cache_size=1)
    inner = [T.ExpTransform(cache_size=1), flow, tanh.inv]
    d = dist.TransformedDistribution(dist.Normal(torch.zeros(2), 0.01).to_event(1), inner[:2])
    x = d.rsample()
    before = inner[0]._cached_x_y[0]
    assert before is not None and flow.parts[0]._last is not None
    d.clear_cache()
    assert inner[0]._cached_x_y == (None, None)
    assert flow.parts[0]._last is None and flow.parts[0]._noted is None
    inner[2](torch.full((2,), 0.5))
    T.ComposeTransform(inner)
    dist.ConditionalTransformedDistribution(dist.Normal(0.0, 1.0), inner).clear_cache()
    assert inner[2].inv.base_transform._cached_x_y == (None, None)
    assert torch.isfinite(d.log_prob(x))


def test_affine_autoregressive_clips_but_learns() -> None:
    net = T.affine_autoregressive(2, log_scale_min_clip=-0.1, log_scale_max_clip=0.1)
    x = torch.randn(50, 2) * 100
    y = net(x)
    log_det = net.log_abs_det_jacobian(x, y)
    assert (log_det.abs() <= 0.2 + 1e-6).all()
    log_det.sum().backward()
    assert net.arn.layers[-1].bias.grad.abs().sum() > 0


def test_batchnorm_normalises_and_remembers() -> None:
    norm = T.batchnorm(2, momentum=1.0).double()
    y = torch.randn(1000, 2, dtype=torch.float64) * torch.tensor([2.0, 5.0]) + 3.0
    x = norm.inv(y)
    close(x.mean(0).detach(), torch.zeros(2, dtype=y.dtype), 1e-6)
    close(x.std(0).detach(), torch.ones(2, dtype=y.dtype), 1e-4)
    close(norm.moving_mean, y.mean(0))
    close(norm.moving_variance, y.var(0))
    norm.eval()
    close(norm.inv(y).detach(), x.detach())
    with pytest.raises(ValueError, match="two rows"):
        norm.train().inv(torch.zeros(1, 2, dtype=y.dtype))


def test_simplex_to_ordered_gives_the_cutpoints_of_the_probabilities() -> None:
    p = torch.tensor([1e-12, 0.5, 0.5 - 1e-12])
    t = T.SimplexToOrderedTransform(torch.tensor(0.0))
    assert t(p)[0].item() == pytest.approx(math.log(1e-12), rel=1e-4)
    close(t.inv(t(p)), p, 1e-6)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: T.Permute(torch.tensor([0, 0])), "permutation"),
        (lambda: T.Permute(torch.arange(2), dim=0), "negative"),
        (lambda: T.permute(3, dim=-2), "entries"),
        (lambda: T.affine_coupling(3, dim=-2), "entries"),
        (lambda: T.HaarTransform(dim=1), "negative"),
        (lambda: T.DiscreteCosineTransform(dim=1), "negative"),
        (lambda: T.PositivePowerTransform(-1.0), "positive"),
        (lambda: T.spline(3, order="cubic"), "linear"),
        (lambda: T.spline_coupling(3, order="cubic"), "linear"),
        (lambda: T.householder(3, count_transforms=4), "count_transforms"),
        (lambda: T.sylvester(3, count_transforms=0), "count_transforms"),
        (lambda: T.matrix_exponential(3, normalization="spectral"), "bound"),
        (lambda: T.matrix_exponential(3, normalization="other"), "normalization"),
        (lambda: T.neural_autoregressive(3, activation="relu"), "activation"),
        (lambda: T.block_autoregressive(3, activation="relu"), "activation"),
        (lambda: T.block_autoregressive(3, residual="other"), "residual"),
        (lambda: T.planar(3).with_cache(2), "cache_size"),
    ],
)
def test_bad_arguments(make: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


def test_conditional_distribution_rejects_what_is_no_transform() -> None:
    with pytest.raises(TypeError, match="Linear"):
        dist.ConditionalTransformedDistribution(dist.Normal(0.0, 1.0), [torch.nn.Linear(1, 1)])


def test_every_transform_of_ours_is_in_the_table() -> None:
    tested = {type(case.build()).__name__ for case in CASES}
    ours = {
        name
        for name in T.__all__
        if inspect.isclass(getattr(T, name))
        and getattr(T, name).__module__.startswith("pyro")
        and "Cholesky" not in name
    }
    assert ours - tested <= {"CircularTransform", "ConditionalComposeTransformModule", "Normalize"}
