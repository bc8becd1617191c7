"""The coalescent against its definition, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.distributions.coalescent import CoalescentTimesConstraint
from pyro.ops.coalescent import rate_at, time_of_amount

LEAVES = torch.tensor([0.3, 2.1, 3.7, 2.9, 1.2, 2.1]).double()
RATES = torch.tensor([0.5, 1.0, 2.0, 0.7]).double()


def constant(t: float) -> float:
    return 1.5


def on_grid(t: float) -> float:
    return float(RATES[min(max(math.floor(t), 0), len(RATES) - 1)])


def hazards(leaves: Tensor, coals: Tensor, rate: Callable[[float], float]) -> tuple[Tensor, Tensor]:
    """For each coalescence, latest first: its hazard just then, and the hazard it waited for."""
    marks = sorted(
        [(t, 1) for t in leaves.tolist()]
        + [(float(t), 0) for t in range(-30, 30)]
        + [(t, -1) for t in coals.tolist()],
        reverse=True,
    )
    lineages, last, waited = 0, math.inf, 0.0
    found = []
    for time, change in marks:
        pairs = lineages * (lineages - 1) / 2
        if pairs:
            waited += pairs * rate((time + last) / 2) * (last - time)
        if change < 0:
            found.append((pairs * rate(time), waited))
            waited = 0.0
        lineages, last = lineages + change, time
    instant, waits = zip(*found, strict=True)
    return torch.tensor(instant).double(), torch.tensor(waits).double()


MODELS = [
    pytest.param(dist.CoalescentTimes(LEAVES, constant(0)), constant, id="constant"),
    pytest.param(dist.CoalescentTimesWithRate(LEAVES, RATES), on_grid, id="grid"),
]


@pytest.mark.parametrize(("d", "rate"), MODELS)
def test_density_is_hazards_and_waits(
    d: dist.CoalescentTimes, rate: Callable[[float], float]
) -> None:
    torch.manual_seed(0)
    for x in d.sample((20,)):
        instant, waits = hazards(LEAVES, x, rate)
        torch.testing.assert_close(d.log_prob(x), instant.log().sum() - waits.sum())


@pytest.mark.parametrize(("d", "rate"), MODELS)
def test_waits_of_draws_are_exponential(
    d: dist.CoalescentTimes, rate: Callable[[float], float]
) -> None:
    """A false alarm in 1e-5 of the seeds for each of the 5 waits, and for their correlations."""
    torch.manual_seed(1)
    x = d.sample((3000,))
    assert d.support.check(x).all()
    waits = torch.stack([hazards(LEAVES, y, rate)[1] for y in x])
    for wait in waits.T:
        assert sp.kstest(wait.numpy(), sp.expon.cdf).pvalue > 1e-5
    correlation = torch.corrcoef(waits.T).triu(1)
    assert correlation.abs().max() < 5 / 3000**0.5


def test_leaves_of_one_time() -> None:
    """The classical coalescent: the wait of k lineages is exponential with rate k (k - 1) / 2."""
    torch.manual_seed(2)
    d = dist.CoalescentTimes(torch.full((6,), 3.0).double(), 0.5)
    x = d.sample((4000,))
    waits = torch.cat([x, torch.full((4000, 1), 3.0).double()], -1).diff(dim=-1)
    total = torch.zeros(4000).double()
    for k, wait in zip(range(2, 7), waits.T, strict=True):
        law = sp.expon(scale=1 / (0.5 * k * (k - 1) / 2))
        assert sp.kstest(wait.numpy(), law.cdf).pvalue > 1e-5
        total += torch.from_numpy(law.logpdf(wait.numpy()))
    torch.testing.assert_close(d.log_prob(x), total)


@pytest.mark.parametrize("rates", [[1.5], [0.6, 0.9], [2.0, 0.4, 0.3]])
def test_density_of_three_leaves_integrates_to_one(rates: list[float]) -> None:
    """Gauss and Laguerre between the points where the density jumps."""
    d = dist.CoalescentTimesWithRate(
        torch.tensor([-0.5, 0.0, 2.0]).double(), torch.tensor(rates).double()
    )
    nodes, weights = (torch.from_numpy(x) for x in np.polynomial.laguerre.laggauss(40))
    places, shares = (torch.from_numpy(x) for x in np.polynomial.legendre.leggauss(20))
    weights = weights * nodes.exp()
    early, late = torch.cartesian_prod(-0.5 - nodes, 0.25 * places - 0.25).T
    mass = d.log_prob(torch.stack([early, late], -1)).exp()
    total = (mass * torch.cartesian_prod(weights, 0.25 * shares).prod(-1)).sum()
    first, second = torch.cartesian_prod(nodes, nodes).T
    mass = d.log_prob(torch.stack([-0.5 - first - second, -0.5 - first], -1)).exp()
    total += (mass * torch.cartesian_prod(weights, weights).prod(-1)).sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_likelihood_of_rates_is_the_density() -> None:
    torch.manual_seed(3)
    d = dist.CoalescentTimesWithRate(LEAVES, RATES)
    x = d.sample((7,))
    likelihood = dist.CoalescentRateLikelihood(LEAVES, x, 4)
    terms = likelihood(RATES)
    assert terms.shape == (7, 4)
    torch.testing.assert_close(terms.sum(-1), d.log_prob(x))
    for t in range(4):
        torch.testing.assert_close(likelihood(RATES[t], t), terms[:, t])
    torch.testing.assert_close(likelihood(RATES[1:3], slice(1, 3)), terms[:, 1:3])
    changed = RATES.clone()
    changed[2] = 5.0
    assert (likelihood(changed) != terms).any(0).tolist() == [False, False, True, False]


def test_one_rate_is_a_constant_rate() -> None:
    one = dist.CoalescentTimes(LEAVES, 1.5)
    x = one.sample((5,))
    for bins in (1, 2, 9):
        many = dist.CoalescentTimesWithRate(LEAVES, torch.full((bins,), 1.5).double())
        torch.testing.assert_close(many.log_prob(x), one.log_prob(x))


def test_integral_of_rates_and_its_inverse() -> None:
    t = torch.tensor([-2.0, 0.0, 0.5, 1.0, 2.5, 4.0, 7.0]).double()
    rate, amounts = rate_at(RATES, t)
    torch.testing.assert_close(rate, RATES[[0, 0, 0, 1, 2, 3, 3]])
    exact = torch.tensor([-1.0, 0.0, 0.25, 0.5, 2.5, 4.2, 6.3]).double()
    torch.testing.assert_close(amounts, exact)
    torch.testing.assert_close(time_of_amount(RATES, amounts), t)


@pytest.mark.parametrize("grid", [False, True])
def test_draws_are_differentiable(grid: bool) -> None:
    def draw(leaves: Tensor, rates: Tensor) -> Tensor:
        torch.manual_seed(4)
        if grid:
            return dist.CoalescentTimesWithRate(leaves, rates).rsample((3,))
        return dist.CoalescentTimes(leaves, rates[0]).rsample((3,))

    leaves = torch.tensor([0.3, 2.1, 3.7, 2.9, 1.2, 2.2]).double().requires_grad_()
    assert torch.autograd.gradcheck(draw, (leaves, RATES.clone().requires_grad_()))


def test_draws_are_continuous_in_leaf_times() -> None:
    """So that gradients of draws are gradients of expectations: leaves pass coalescences."""
    step = 1e-2
    others = torch.tensor([0.3, 2.1, 3.7, 2.9]).double()
    moving = torch.arange(-2.0, 5.0, step).double()
    draws = []
    for time in moving:
        torch.manual_seed(5)
        d = dist.CoalescentTimes(torch.cat([others, time.unsqueeze(0)]), 1.0)
        draws.append(d.sample((8,)))
    jumps = torch.stack(draws).diff(dim=0).abs().max()
    assert jumps < 6 * step


def test_times_that_cannot_be() -> None:
    d = dist.CoalescentTimes(torch.tensor([0.0, 0.0, 1.0]))
    cases = {
        (-1.0, -0.5): True,
        (-1.0, 0.0): True,
        (-0.5, -1.0): False,
        (-1.0, 0.5): False,
        (-math.inf, -1.0): False,
        (math.nan, -1.0): False,
    }
    for value, holds in cases.items():
        x = torch.tensor(value)
        assert bool(d.support.check(x)) is holds
        if holds:
            assert d.log_prob(x).isfinite()
        else:
            with pytest.raises(ValueError, match="support"):
                d.log_prob(x)
    unchecked = dist.CoalescentTimes(torch.tensor([0.0, 0.0, 1.0]), validate_args=False)
    assert unchecked.log_prob(torch.tensor([-1.0, 0.5])) == -math.inf
    either = CoalescentTimesConstraint(torch.tensor([0.0, 0.0, 1.0]), ordered=False)
    assert either.check(torch.tensor([-0.5, -1.0]))
    with pytest.raises(ValueError, match="coal_times"):
        dist.CoalescentRateLikelihood(torch.tensor([0.0, 0.0, 1.0]), torch.tensor([-1.0, 0.5]), 3)
    with pytest.raises(ValueError, match="one coalescence"):
        dist.CoalescentRateLikelihood(torch.zeros(3), torch.zeros(3), 3)


def test_density_is_continuous_where_a_coalescence_meets_its_leaves() -> None:
    d = dist.CoalescentTimes(torch.tensor([0.0, 0.0, 1.0]).double(), 2.0)
    meets, near = torch.tensor([[-1.0, 0.0], [-1.0, -1e-9]]).double()
    torch.testing.assert_close(d.log_prob(meets), d.log_prob(near))


def test_map_onto_the_times() -> None:
    torch.manual_seed(6)
    d = dist.CoalescentTimes(LEAVES, 0.8)
    to_times = dist.biject_to(d.support)
    x = d.sample((50,))
    torch.testing.assert_close(to_times(to_times.inv(x)), x)
    u = 3 * torch.randn(50, 5).double()
    y = to_times(u)
    assert d.support.check(y).all()
    jacobian = torch.autograd.functional.jacobian(lambda v: to_times(v), u[0])
    log_det = to_times.log_abs_det_jacobian(u[0], y[0])
    torch.testing.assert_close(jacobian.det().abs().log(), log_det)
    assert d.support.check(to_times(20 * torch.randn(500, 5))).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_leaves_in_batches(count: int) -> None:
    leaves = torch.randn(4, 1, count)
    d = dist.CoalescentTimes(leaves, torch.tensor([0.5, 2.0, 3.0]))
    assert (d.batch_shape, d.event_shape) == ((4, 3), (count - 1,))
    x = d.sample((5,))
    assert x.shape == (5, 4, 3, count - 1)
    one = dist.CoalescentTimes(leaves[1, 0], 2.0)
    torch.testing.assert_close(d.log_prob(x)[:, 1, 1], one.log_prob(x[:, 1, 1]))
    grid = dist.CoalescentTimesWithRate(leaves, torch.rand(3, 6))
    assert grid.batch_shape == (4, 3)
    assert grid.log_prob(grid.sample((5,))).shape == (5, 4, 3)
