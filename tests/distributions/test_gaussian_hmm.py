"""Gaussian hidden Markov models against one dense multivariate normal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.distributions.hmm import HiddenMarkovModel
from tests.distributions.dense_state_space import dense

VARYING = list(itertools.product([False, True], repeat=4))
STEPS = [1, 2, 3, 6, 7]
close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def spd(*shape: int) -> Tensor:
    a = torch.randn(*shape, shape[-1])
    return a @ a.mT + 0.3 * torch.eye(shape[-1])


def normal(shape: tuple[int, ...], dim: int) -> Any:
    return dist.MultivariateNormal(torch.randn(*shape, dim), spd(*shape, dim))


def diagonal(shape: tuple[int, ...], dim: int) -> Any:
    return dist.Normal(torch.randn(*shape, dim), torch.rand(*shape, dim) + 0.3).to_event(1)


def model(
    steps: int,
    varying: tuple[bool, ...] = (False,) * 4,
    n: int = 2,
    p: int = 2,
    noise: Any = normal,
    batch: tuple[int, ...] = (),
) -> Any:
    """A random model whose four parameters in time order vary in time or not."""
    shapes = [batch + ((steps,) if v else (1,) if batch else ()) for v in varying]
    return dist.GaussianHMM(
        noise(batch, n),
        0.7 * torch.randn(*shapes[0], n, n),
        noise(shapes[1], n),
        torch.randn(*shapes[2], n, p),
        noise(shapes[3], p),
        duration=steps,
    )


def within_five_sigma(samples: Tensor, mean: Tensor, cov: Tensor) -> None:
    """Means and covariances of normal draws; false alarms: 6e-7 per entry."""
    n = len(samples)
    error = (samples.mean(0) - mean) / (cov.diagonal() / n).sqrt()
    assert error.abs().max() < 5
    variances = cov.diagonal()
    spread = ((variances[:, None] * variances + cov.square()) / n).sqrt()
    assert ((torch.cov(samples.T) - cov) / spread).abs().max() < 5


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("varying", VARYING, ids=str)
def test_density_and_filter_are_those_of_the_dense_law(
    steps: int, varying: tuple[bool, ...]
) -> None:
    for noise, n, p in [(normal, 2, 2), (diagonal, 1, 2), (diagonal, 2, 1), (normal, 3, 2)]:
        d = model(steps, varying, n, p, noise)
        x = torch.randn(steps, p)
        joint = dense(d, steps)
        close(d.log_prob(x), joint.log_prob(x))
        mean, cov = joint.posterior(x)
        final = d.filter(x)
        assert isinstance(final, dist.MultivariateNormal)
        close(final.mean, mean[-n:])
        close(final.covariance_matrix, cov[-n:, -n:])


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("varying", [VARYING[0], VARYING[6], VARYING[-1]], ids=str)
def test_draws_fit(steps: int, varying: tuple[bool, ...]) -> None:
    d = model(steps, varying)
    joint = dense(d, steps)
    x = d.rsample((20000,))
    assert x.shape == (20000, steps, 2)
    within_five_sigma(x.flatten(1), joint.mean, joint.cov)
    path = d.rsample_posterior(x[0], (20000,))
    assert path.shape == (20000, steps, 2)
    mean, cov = joint.posterior(x[0])
    within_five_sigma(path.flatten(1), mean[2:], cov[2:, 2:])


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("varying", VARYING, ids=str)
def test_conjugate_update_keeps_the_product(steps: int, varying: tuple[bool, ...]) -> None:
    d = model(steps, varying, p=1)
    x = torch.randn(4, steps, 1)
    for other in (
        dist.Normal(torch.randn(steps, 1), torch.rand(steps, 1) + 0.3).to_event(2),
        normal((3, steps), 1).to_event(1),
    ):
        fused, log_normalizer = d.conjugate_update(other)
        assert fused.event_shape == d.event_shape
        assert fused.batch_shape == log_normalizer.shape == other.batch_shape
        y = x if not other.batch_shape else x[:, None]
        close(d.log_prob(y) + other.log_prob(y), fused.log_prob(y) + log_normalizer)


@pytest.mark.parametrize("varying", VARYING, ids=str)
def test_a_beginning_and_the_rest_make_the_whole(varying: tuple[bool, ...]) -> None:
    for noise in (normal, diagonal):
        d = model(7, varying, noise=noise)
        x = torch.randn(7, 2)
        joint = dense(d, 7)
        for t in range(1, 7):
            rest = d.prefix_condition(x[:t])
            assert rest.event_shape == (7 - t, 2)
            gain = torch.linalg.solve(joint.cov[: 2 * t, : 2 * t], joint.cov[: 2 * t, 2 * t :]).T
            mean = joint.mean[2 * t :] + gain @ (x[:t].flatten() - joint.mean[: 2 * t])
            cov = joint.cov[2 * t :, 2 * t :] - gain @ joint.cov[: 2 * t, 2 * t :]
            expected = dist.MultivariateNormal(mean, cov).log_prob(x[t:].flatten())
            close(rest.log_prob(x[t:]), expected)


@pytest.mark.parametrize("varying", [VARYING[0], VARYING[5], VARYING[-1]], ids=str)
def test_a_batch_is_its_entries(varying: tuple[bool, ...]) -> None:
    def entry(p: Any, i: int) -> Any:
        return dist.MultivariateNormal(p.loc[i], p.covariance_matrix[i])

    d = model(5, varying, batch=(3,))
    assert d.batch_shape == (3,) and d.event_shape == (5, 2)
    x = torch.randn(4, 3, 5, 2)
    found, final = d.log_prob(x), d.filter(x)
    assert d.rsample_posterior(x, (2,)).shape == (2, 4, 3, 5, 2)
    for i in range(3):
        one = dist.GaussianHMM(
            entry(d.initial_dist, i),
            d.transition_matrix[i],
            entry(d.transition_dist, i),
            d.observation_matrix[i],
            entry(d.observation_dist, i),
        )
        close(one.log_prob(x[:, i]), found[:, i])
        close(one.filter(x[:, i]).mean, final.mean[:, i])
        close(one.filter(x[:, i]).covariance_matrix, final.covariance_matrix[:, i])


def test_common_parameters_may_be_expanded() -> None:
    d = model(6)
    wide = dist.GaussianHMM(
        d.initial_dist.expand((3,)),
        d.transition_matrix.expand(3, 6, 2, 2),
        d.transition_dist.expand((3, 6)),
        d.observation_matrix.expand(6, 2, 2),
        d.observation_dist.expand((6,)),
    )
    x = torch.randn(3, 6, 2)
    assert wide.batch_shape == (3,) and wide.event_shape == (6, 2)
    close(wide.log_prob(x), d.log_prob(x))
    assert d.expand((4, 3)).log_prob(x).shape == (4, 3)
    assert d.expand((4, 3)).filter(x).batch_shape == (4, 3)
    assert d.expand((4, 3)).rsample((2,)).shape == (2, 4, 3, 6, 2)


def test_what_is_masked_is_missing() -> None:
    d = model(5, noise=diagonal)
    x = torch.randn(3, 5, 2)
    keep = torch.rand(3, 5, 2) < 0.5
    hidden = torch.where(keep, x, float("nan"))
    loc, scale = d.observation_dist.mean, d.observation_dist.stddev
    ways = {
        "entries": dist.Normal(loc.expand(3, 5, 2), scale).mask(keep).to_event(1),
        "nan": dist.NanMaskedNormal(loc, scale).to_event(1),
        "nan-vector": dist.NanMaskedMultivariateNormal(loc, scale.square().diag_embed()),
    }
    joint = dense(d, 5)
    for noise in ways.values():
        partial = dist.GaussianHMM(
            d.initial_dist,
            d.transition_matrix,
            d.transition_dist,
            d.observation_matrix,
            noise,
            duration=5,
        )
        found = partial.log_prob(hidden)
        for i in range(3):
            k = keep[i].flatten()
            part = dist.MultivariateNormal(joint.mean[k], joint.cov[k][:, k])
            close(found[i], part.log_prob(x[i].flatten()[k]))
            gain = torch.linalg.solve(joint.cov[k][:, k], joint.cross[:, k].T).T
            mean = joint.state_mean + gain @ (x[i].flatten()[k] - joint.mean[k])
            close(partial.filter(hidden).mean[i], mean[-2:])


def test_masked_steps_are_skipped_and_reach_no_gradient() -> None:
    full, keep = model(5), torch.tensor([True, False, True, True, False])
    matrix = full.transition_matrix.clone().requires_grad_()
    masked = dist.GaussianHMM(
        full.initial_dist,
        matrix,
        full.transition_dist,
        full.observation_matrix,
        full.observation_dist.expand((5,)).mask(keep),
    )
    x = torch.randn(5, 2)
    x[~keep] = float("nan")
    log_prob = masked.log_prob(x)
    k = keep.repeat_interleave(2)
    joint = dense(full, 5)
    close(
        log_prob.detach(),
        dist.MultivariateNormal(joint.mean[k], joint.cov[k][:, k]).log_prob(x.flatten()[k]),
    )
    assert torch.autograd.grad(log_prob, matrix)[0].isfinite().all()
    rest = masked.prefix_condition(x[:2])
    close(
        rest.log_prob(x[2:]) + masked._part(slice(0, 2), full.initial_dist).log_prob(x[:2]),
        log_prob,
    )


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("varies", [False, True])
def test_gradients(steps: int, varies: bool) -> None:
    x = torch.randn(steps, 1)
    time = (steps,) if varies else ()
    inputs = [
        torch.randn(2),
        torch.eye(2) + 0.1,
        0.5 * torch.randn(*time, 2, 2),
        torch.rand(*time, 2) + 0.5,
        torch.randn(*time, 2, 1),
        torch.rand(*time, 1) + 0.5,
        x,
    ]

    def score(
        loc: Tensor, tril: Tensor, F: Tensor, q: Tensor, H: Tensor, r: Tensor, x: Tensor
    ) -> tuple[Tensor, ...]:
        d = dist.GaussianHMM(
            dist.MultivariateNormal(loc, scale_tril=tril.tril(), validate_args=False),
            F,
            dist.Normal(torch.zeros(2), q, validate_args=False).to_event(1),
            H,
            dist.Normal(torch.zeros(1), r, validate_args=False).to_event(1),
            duration=steps,
        )
        final = d.filter(x)
        return d.log_prob(x), final.mean, final.scale_tril

    leaves = tuple(i.requires_grad_() for i in inputs)
    assert torch.autograd.gradcheck(score, leaves)
    assert torch.autograd.gradgradcheck(lambda *a: score(*a)[0], leaves)


def test_draws_are_differentiable() -> None:
    """The derivative of a mean by pathwise gradients is linear in the offset: exactly known."""
    loc = torch.zeros(2, requires_grad=True)
    F = 0.5 * torch.eye(2)
    d = dist.GaussianHMM(
        dist.Normal(torch.zeros(2), 1.0).to_event(1),
        F,
        dist.Normal(loc, 1.0).to_event(1),
        torch.ones(2, 1),
        dist.Normal(torch.zeros(1), 1.0).to_event(1),
        duration=3,
    )
    assert d.has_rsample
    x = d.rsample((5,))
    close(torch.autograd.grad(x[:, -1].mean(), loc)[0], torch.full((2,), 1.75))
    assert not d.sample().requires_grad
    path = d.rsample_posterior(x.detach(), (2,))
    assert torch.autograd.grad(path.sum(), loc)[0].abs().min() > 0


def long_model(dtype: torch.dtype, **scales: float) -> Any:
    """A slowly turning, slowly drifting state of two coordinates, one of them seen."""
    turn = torch.tensor([[0.9, 0.3], [-0.3, 0.95]], dtype=dtype)
    zero = torch.zeros(2, dtype=dtype)
    return dist.GaussianHMM(
        dist.Normal(zero, scales.get("initial", 1.0)).to_event(1),
        turn,
        dist.Normal(zero, scales.get("process", 0.3)).to_event(1),
        torch.tensor([[1.0], [0.0]], dtype=dtype),
        dist.Normal(zero[:1], scales.get("noise", 0.5)).to_event(1),
        duration=10_000,
    )


@pytest.mark.parametrize(
    "scales",
    [
        {},
        {"process": 1e-5},
        {"initial": 1e5},
        {"noise": 1e-3},
        {"initial": 1e4, "process": 1e-4, "noise": 1e-2},
    ],
    ids=str,
)
def test_ten_thousand_steps_in_single_precision(scales: dict[str, float]) -> None:
    x = long_model(torch.float64, **{**scales, "initial": 1.0}).sample()
    values = {}
    for dtype in (torch.float64, torch.float32):
        d = long_model(dtype, **scales)
        data = x.to(dtype).requires_grad_()
        log_prob = d.log_prob(data)
        (gradient,) = torch.autograd.grad(log_prob, data)
        assert log_prob.dtype == dtype
        values[dtype] = log_prob.double(), gradient.double(), d.filter(data).mean.double()
        assert d.rsample_posterior(data).isfinite().all()
    for double, single in zip(values[torch.float64], values[torch.float32], strict=True):
        close(single, double, rtol=1e-3, atol=1e-3 * double.abs().max().item())


def exact_filter(
    x: Tensor, F: Tensor, H: Tensor, p: float, q: float, r: float
) -> tuple[float, list[Fraction], list[list[Fraction]]]:
    """Kalman's recursion for one observed number in rational arithmetic, without rounding."""

    def rows(a: Any) -> Any:
        return [[Fraction(v) for v in row] for row in a]

    def mul(a: Any, b: Any) -> Any:
        return [
            [sum(u * v for u, v in zip(row, col, strict=True)) for col in zip(*b, strict=True)]
            for row in a
        ]

    A, h, n = rows(F.mT.tolist()), rows(H.mT.tolist()), len(F)
    column = [[v] for v in h[0]]
    mean = [[Fraction(0)] for _ in range(n)]
    cov = rows((torch.eye(n) * p).tolist())
    cov = mul(cov, cov)
    log_prob = 0.0
    for (value,) in x.tolist():
        mean, cov = mul(A, mean), mul(mul(A, cov), [list(c) for c in zip(*A, strict=True)])
        for i in range(n):
            cov[i][i] += Fraction(q) ** 2
        error = Fraction(value) - mul(h, mean)[0][0]
        cross = mul(cov, column)
        spread = mul(h, cross)[0][0] + Fraction(r) ** 2
        log_prob -= (float(error**2 / spread) + math.log(2 * math.pi * spread)) / 2
        for i in range(n):
            mean[i][0] += cross[i][0] * error / spread
            for j in range(n):
                cov[i][j] -= cross[i][0] * cross[j][0] / spread
    return log_prob, [m[0] for m in mean], cov


@pytest.mark.parametrize(
    ("p", "q", "r"), [(1e5, 1e-6, 1.0), (1e3, 1e-8, 1e-3), (1.0, 1e-10, 0.1), (1e7, 1.0, 1e-2)]
)
def test_extremes_are_exact(p: float, q: float, r: float) -> None:
    """A diffuse start, transitions and observations all but without noise."""
    F, H = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[1.0], [0.0]])
    zero = torch.zeros(2)
    d = dist.GaussianHMM(
        dist.Normal(zero, p).to_event(1),
        F,
        dist.Normal(zero, q).to_event(1),
        H,
        dist.Normal(zero[:1], r).to_event(1),
        duration=7,
    )
    x = 0.3 * torch.arange(7.0)[:, None] + r * torch.randn(7, 1)
    log_prob, mean, cov = exact_filter(x, F, H, p, q, r)
    close(d.log_prob(x).item(), log_prob, rtol=1e-8, atol=1e-6)
    final = d.filter(x)
    close(final.mean, torch.tensor([float(m) for m in mean]), rtol=1e-8, atol=1e-8)
    expected = torch.tensor([[float(c) for c in row] for row in cov])
    close(final.covariance_matrix, expected, rtol=1e-6, atol=0.0)
    assert d.rsample_posterior(x, (3,)).isfinite().all()


def test_a_high_level_costs_no_digits() -> None:
    """A random walk far from zero: the evidence is that of the walk brought back to zero."""
    one = torch.ones(1, 1)

    def walk(start: float) -> Any:
        return dist.GaussianHMM(
            dist.Normal(torch.full((1,), start), 1.0).to_event(1),
            one,
            dist.Normal(torch.zeros(1), 0.01).to_event(1),
            one,
            dist.Normal(torch.zeros(1), 0.1).to_event(1),
            duration=1000,
        )

    x = walk(0.0).sample()
    close(walk(1e4).log_prob(x + 1e4), walk(0.0).log_prob(x), rtol=1e-6, atol=1e-3)


def test_side_by_side() -> None:
    """A batch as the entries of an observation, and the class of the documented hierarchy."""
    d = model(5, n=2, p=1, batch=(3,))
    side = dist.IndependentHMM(d)
    x = side.rsample((4,))
    assert x.shape == (4, 5, 3)
    close(side.log_prob(x), d.log_prob(x.mT[..., None]).sum(-1))
    assert side.prefix_condition(x[:, :2]).event_shape == (3, 3)
    assert isinstance(d, HiddenMarkovModel)


def test_errors_name_the_argument() -> None:
    good, one = normal((), 1), torch.ones(1, 1)
    with pytest.raises(ValueError, match="initial_dist"):
        dist.GaussianHMM(dist.Gamma(1.0, 1.0), one, good, one, good)
    with pytest.raises(ValueError, match="transition_dist"):
        dist.GaussianHMM(good, one, normal((), 2), one, good)
    with pytest.raises(ValueError, match="transition_matrix"):
        dist.GaussianHMM(good, torch.ones(2, 1), good, one, good)
    with pytest.raises(ValueError, match="duration"):
        dist.GaussianHMM(good, one.expand(3, 1, 1), good, one, good, duration=4)
    d = dist.GaussianHMM(good, one, good, one, good)
    assert d.event_shape == (1, 1) and d.log_prob(torch.zeros(7, 5, 1)).shape == (7,)
    with pytest.raises(ValueError, match="duration"):
        d.rsample()
    with pytest.raises(ValueError, match="finite"):
        d.log_prob(torch.full((3, 1), float("nan")))
    with pytest.raises(ValueError, match="time first"):
        model(5).log_prob(torch.zeros(4, 2))
    with pytest.raises(ValueError, match="prefix_condition"):
        model(5).prefix_condition(torch.zeros(5, 2))
    with pytest.raises(ValueError, match="shape mismatch"):
        model(5, batch=(3,)).expand((2,))
