"""Laws of the families on the integers beyond those of every distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats as sp
import torch

import pyro.distributions as dist
from pyro import settings
from tests.laws.cases_discrete import DISCRETE
from tests.laws.distribution_case import Case

cases = pytest.mark.parametrize("case", DISCRETE, ids=[case.id for case in DISCRETE])


def grid(d: Any) -> torch.Tensor:
    """Whole numbers that hold all but 1e-9 of the mass of the cases of this table."""
    if d.event_dim or not d.support.is_discrete:
        pytest.skip("not a law on the integers")
    low = -200 if d.support is dist.constraints.integer else 0
    values = torch.arange(low, 4000, dtype=torch.float64)
    return values[d.support.check(values)]


@cases
def test_frequencies_fit_mass(case: Case) -> None:
    """Each row fails a correct sampler with probability 1e-5 (and its seed is fixed)."""
    d = case.build()
    values = grid(d)
    torch.manual_seed(2)
    x = d.sample((4000,)).to(values.dtype)
    mean = 4000 * d.log_prob(values).exp()
    common = mean > 5
    counts = torch.stack([(x == v).sum() for v in values[common]])
    observed = torch.cat([counts, 4000 - counts.sum(0, keepdim=True)])
    expected = torch.cat([mean[common], (4000 - mean[common].sum()).reshape(1).clamp(min=1e-3)])
    statistic = ((observed - expected) ** 2 / expected)[expected > 1].sum()
    assert sp.chi2(max(int((expected > 1).sum()) - 1, 1)).sf(statistic) > 1e-5


@cases
def test_moments_are_those_of_the_mass(case: Case) -> None:
    d = case.build()
    values = grid(d)
    mass = d.log_prob(values).exp()
    try:
        mean, variance = d.mean, d.variance
    except NotImplementedError:
        pytest.skip("no closed-form moments")
    if mean.isnan().any():
        pytest.skip("no moments")
    expected = (mass * values).sum()
    torch.testing.assert_close(mean, expected, rtol=1e-5, atol=1e-6)
    spread = (mass * (values - expected) ** 2).sum()
    torch.testing.assert_close(variance, spread, rtol=1e-4, atol=1e-6)


EXTREME: list[tuple[str, Any, list[float]]] = [
    ("gamma-poisson", lambda t: dist.GammaPoisson(t(1e30), t(1e29)), [0, 10, 1e6]),
    ("gamma-poisson-tiny", lambda t: dist.GammaPoisson(t(1e-30), t(1e-30)), [0, 1, 1e6]),
    ("gamma-poisson-huge-rate", lambda t: dist.GammaPoisson(t(1e-3), t(1e30)), [0, 1]),
    ("beta-binomial", lambda t: dist.BetaBinomial(t(1e30), t(1e30), t(10.0)), [0, 5, 10]),
    ("beta-binomial-tiny", lambda t: dist.BetaBinomial(t(1e-30), t(1e-30), t(10.0)), [0, 5, 10]),
    ("beta-binomial-empty", lambda t: dist.BetaBinomial(t(1.0), t(1.0), t(0.0)), [0]),
    ("zero-inflated", lambda t: dist.ZeroInflatedPoisson(t(1e4), gate_logits=t(-1e4)), [0, 1e4]),
    ("zero-inflated-shut", lambda t: dist.ZeroInflatedPoisson(t(1.0), gate=t(0.0)), [0, 3]),
    ("ordered-logistic", lambda t: dist.OrderedLogistic(t(1e4), t([-1.0, 0, 1])), [0, 1, 2, 3]),
    ("ordered-logistic-left", lambda t: dist.OrderedLogistic(t(-1e4), t([0.0, 1])), [0, 1, 2]),
    ("ordered-probit", lambda t: dist.OrderedProbit(t(1e3), t([-1.0, 0, 1])), [0, 1, 2, 3]),
    ("ordered-probit-left", lambda t: dist.OrderedProbit(t(-1e3), t([0.0, 1])), [0, 1, 2]),
    ("hurdle", lambda t: dist.Hurdle(dist.Poisson(t(1e-30)), gate=t(0.5)), [0, 1, 2]),
    ("hurdle-of-many", lambda t: dist.Hurdle(dist.Poisson(t(1e6)), gate=t(0.0)), [1, 1e6]),
    ("binomial", lambda t: dist.Binomial(1e6, logits=t([-1e4, -30.0, 1e4])), [0, 1e6, 5]),
    ("extended-binomial", lambda t: dist.ExtendedBinomial(3, t(1e-30)), [0, 3]),
    ("skellam", lambda t: dist.Skellam(t(1e6), t(1e6)), [-5000, 0, 1, 1e6]),
    ("skellam-tiny", lambda t: dist.Skellam(t(1e-20), t(1e-20)), [-1, 0, 40, 1e6]),
    ("skellam-uneven", lambda t: dist.Skellam(t(1e4), t(1e-20)), [-3, 0, 1e4]),
    ("discrete-weibull", lambda t: dist.DiscreteWeibull(t(0.999), t(0.5)), [0, 1, 1e6]),
    ("discrete-weibull-brief", lambda t: dist.DiscreteWeibull(t(1e-30), t(3.0)), [0, 1, 10]),
    (
        "log-normal-negative-binomial",
        lambda t: dist.LogNormalNegativeBinomial(t(1e4), t(-20.0), t(2.0)),
        [0, 1, 1e4],
    ),
    ("zero-inflated-always", lambda t: dist.ZeroInflatedPoisson(t(1.0), gate=t(1.0)), [0]),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("make", "values"), [e[1:] for e in EXTREME], ids=[e[0] for e in EXTREME])
def test_extreme_arguments(make: Any, values: list[float], dtype: torch.dtype) -> None:
    """Legal values have a finite log mass with finite gradients, however large the parameters."""
    leaves: list[torch.Tensor] = []

    def t(number: Any) -> torch.Tensor:
        leaves.append(torch.tensor(number, dtype=dtype, requires_grad=True))
        return leaves[-1]

    log_prob = make(t).log_prob(torch.tensor(values, dtype=dtype))
    assert log_prob.isfinite().all()
    assert (log_prob <= 1e-4).all()
    for gradient in torch.autograd.grad(log_prob.sum(), leaves, allow_unused=True):
        assert gradient is None or not gradient.isnan().any()


def test_large_concentrations_tend_to_the_limit() -> None:
    """A gamma-Poisson law of concentration c and rate c / m tends to a Poisson law of mean m."""
    k = torch.arange(20.0)
    limit = dist.Poisson(torch.tensor(4.0)).log_prob(k)
    close = dist.GammaPoisson(torch.tensor(4e8), torch.tensor(1e8)).log_prob(k)
    torch.testing.assert_close(close, limit, rtol=1e-5, atol=1e-5)
    binomial = dist.Binomial(5, torch.tensor(0.25)).log_prob(k[:6])
    beta = dist.BetaBinomial(torch.tensor(1e8), torch.tensor(3e8), 5).log_prob(k[:6])
    torch.testing.assert_close(beta, binomial, rtol=1e-5, atol=1e-5)


def test_counts_of_different_totals() -> None:
    totals = torch.tensor([0.0, 3.0, 7.0])
    d = dist.DirichletMultinomial(torch.tensor([0.5, 1.0, 2.0]), totals)
    x = d.sample((5,))
    assert torch.equal(x.sum(-1), totals.expand(5, 3))
    with pytest.raises(ValueError, match="support"):
        d.log_prob(torch.ones(3, 3))


@pytest.mark.parametrize("is_sparse", [False, True])
def test_dirichlet_multinomial_is_scipys(is_sparse: bool) -> None:
    concentration = torch.tensor([0.7, 20.0, 0.1], dtype=torch.float64)
    d = dist.DirichletMultinomial(concentration, 4, is_sparse=is_sparse)
    counts = [(i, j, 4 - i - j) for i in range(5) for j in range(5 - i)]
    x = torch.tensor(counts, dtype=torch.float64)
    reference = sp.dirichlet_multinomial(concentration.numpy(), 4)
    expected = torch.tensor([reference.logpmf(c) for c in counts], dtype=torch.float64)
    torch.testing.assert_close(d.log_prob(x), expected)
    torch.manual_seed(0)
    seen = d.sample((4000,))
    for count, log_mass in zip(x, expected, strict=True):
        mean = 4000 * log_mass.exp()
        assert ((seen == count).all(-1).sum() - mean).abs() < 5 * mean.sqrt() + 5


def test_ordered_categories_far_out() -> None:
    """Masses in the far tails agree with those of double precision from the near one."""
    cutpoints = torch.tensor([-1.0, 0.5, 2.0])
    for family, reference in ((dist.OrderedLogistic, sp.logistic), (dist.OrderedProbit, sp.norm)):
        for shift in (-20.0, -3.0, 0.0, 3.0, 20.0):
            d = family(torch.tensor(shift), cutpoints)
            cuts = -(cutpoints.double().numpy() - shift)[::-1] if shift < 0 else cutpoints - shift
            edges = np.concatenate([[-np.inf], np.asarray(cuts), [np.inf]])
            if shift < 0:  # mirrored, so that all masses are differences of small numbers
                edges = edges.copy()
            mass = np.diff(reference.cdf(edges))
            mass = mass[::-1] if shift < 0 else mass
            expected = torch.tensor(np.log(mass.copy()), dtype=torch.float32)
            known = expected > -300
            torch.testing.assert_close(
                d.logits[known], expected[known], rtol=2e-4, atol=1e-5, msg=str((family, shift))
            )


@cases
def test_expansion_after_enumeration(case: Case) -> None:
    d = case.build((2,))
    if not d.has_enumerate_support:
        pytest.skip("not a finite support")
    values = d.enumerate_support(expand=False)
    big = d.expand((3, 2))
    assert torch.equal(big.enumerate_support(expand=False).reshape(-1), values.reshape(-1))
    expected = d.log_prob(values).unsqueeze(1).expand(-1, 3, -1)
    torch.testing.assert_close(big.log_prob(big.enumerate_support()), expected)


def test_density_and_atoms_sum_to_one() -> None:
    x = torch.linspace(0.0, 1.0, 20002, dtype=torch.float64)[1:-1]
    zero, one = torch.tensor([0.0, 1.0], dtype=torch.float64)
    beta = dist.Beta(torch.tensor(2.0, dtype=torch.float64), 3.0)
    for d in (dist.Hurdle(beta, gate=0.3), dist.ZeroOneInflated(beta, gate=0.3, one=0.9)):
        mass = torch.trapezoid(d.log_prob(x).exp(), x) + d.log_prob(zero).exp()
        if isinstance(d, dist.ZeroOneInflated):
            mass = mass + d.log_prob(one).exp()
        assert (mass - 1).abs() < 1e-6
        assert not d.support.is_discrete
        with pytest.raises(NotImplementedError):
            dist.biject_to(d.support)


def test_atoms_outside_of_the_base_reach_no_gradient() -> None:
    loc = torch.tensor(0.0, requires_grad=True)
    d = dist.Hurdle(dist.LogNormal(loc, 1.0), gate=0.5)
    d.log_prob(torch.tensor([0.0, 2.0])).sum().backward()
    assert loc.grad is not None and loc.grad.isfinite()


def test_gates_are_given_once() -> None:
    for family in (dist.ZeroInflatedDistribution, dist.Hurdle):
        for gates in ({}, {"gate": 0.5, "gate_logits": 0.0}):
            with pytest.raises(ValueError, match="either `gate` or"):
                family(dist.Poisson(1.0), **gates)
        with pytest.raises(ValueError, match="univariate"):
            family(dist.Poisson(torch.ones(2)).to_event(1), gate=0.5)
        d = family(dist.Poisson(1.0), gate=0.25)
        torch.testing.assert_close(d.gate_logits.sigmoid(), d.gate)
        with pytest.raises(ValueError, match="gate"):
            family(dist.Poisson(1.0), gate=1.5)


@pytest.mark.parametrize(
    ("family", "args"),
    [(dist.ExtendedBinomial, {"probs": 0.5}), (dist.ExtendedBetaBinomial, {"concentration1": 1.0})],
)
def test_integers_without_mass(family: Any, args: dict[str, Any]) -> None:
    args = {name: torch.tensor(value, requires_grad=True) for name, value in args.items()}
    more = {"concentration0": 2.0} if family is dist.ExtendedBetaBinomial else {}
    d = family(total_count=torch.tensor([-2.0, 0.0, 3.0, 3.0]), **args, **more)
    log_prob = d.log_prob(torch.tensor([0.0, 0.0, 4.0, -1.0]))
    assert log_prob.tolist() == [-torch.inf, 0.0, -torch.inf, -torch.inf]
    (gradient,) = torch.autograd.grad(log_prob[1], list(args.values()))
    assert gradient == 0
    assert d.sample()[:2].tolist() == [0, 0]


@pytest.mark.parametrize("tol", [1e-4, 1e-3, 0.01, 0.3])
def test_binomial_log_prob_within_tolerance(tol: float) -> None:
    n = torch.arange(40.0)
    k = torch.arange(40.0).unsqueeze(-1).minimum(n)
    exact = dist.Binomial(n, 0.3).log_prob(k)
    with settings.context(binomial_approx_log_prob_tol=tol):
        assert ((dist.Binomial(n, 0.3).log_prob(k) - exact).abs() <= tol).all()


def test_binomial_draws_of_many_trials_are_approximated() -> None:
    torch.manual_seed(0)
    n, p = torch.tensor([50.0, 1000.0, 1e8]), torch.tensor([[0.01], [0.3], [0.9]])
    d = dist.Binomial(n, p)
    with settings.context(binomial_approx_sample_thresh=100):
        x = d.sample((20000,)).double()
    mean, variance = n.double() * p, n.double() * p * (1 - p)
    assert ((x.mean(0) - mean).abs() < 6 * (variance / 20000).sqrt()).all()
    assert ((x.var(0) - variance).abs() < 0.06 * variance + 0.3).all()
    assert ((x >= 0) & (x <= n)).all()
    with pytest.raises(ValueError, match="nonnegative"):
        settings.set(binomial_approx_log_prob_tol=-1.0)


def test_skellam_is_scipys_where_its_expansions_meet() -> None:
    k = torch.arange(-60, 61, dtype=torch.float64)
    for rate1, rate2 in ((200.0, 1.1), (15.0, 15.1), (14.9, 14.9), (1.0, 230.0), (500.0, 600.0)):
        d = dist.Skellam(torch.tensor(rate1, dtype=torch.float64), rate2)
        expected = torch.tensor(sp.skellam(rate1, rate2).logpmf(k.numpy()))
        known = expected > -200
        torch.testing.assert_close(d.log_prob(k)[known], expected[known], rtol=1e-8, atol=1e-8)
    up = dist.Skellam(torch.tensor(3.0), 0.0)
    torch.testing.assert_close(
        up.log_prob(k[60:].float()), dist.Poisson(3.0).log_prob(k[60:].float())
    )
    assert up.log_prob(torch.tensor(-1.0)) == -torch.inf


def test_discrete_weibull_distribution_function() -> None:
    d = dist.DiscreteWeibull(torch.tensor(0.8, dtype=torch.float64), 0.7)
    k = torch.arange(30, dtype=torch.float64)
    cdf = d.cdf(k)
    torch.testing.assert_close(cdf, d.log_prob(k).exp().cumsum(0))
    assert torch.equal(d.icdf(cdf), k)
    assert torch.equal(d.icdf(cdf - 1e-9), k)
    assert d.cdf(-0.5) == 0.0
