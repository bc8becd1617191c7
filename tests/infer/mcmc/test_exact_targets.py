"""Means, variances and tail masses of targets whose answers are known, through MCMC.

Scores are in Monte Carlo standard errors. With a limit of 5, a correct sampler fails a test of n
numbers with another seed with a probability of about 6e-7 n, if the normal law of its means holds.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.infer.mcmc.results.convergence import mcse_mean
from pyro.infer.reparam import LocScaleReparam

pytestmark = pytest.mark.slow
LIMIT = 5.0


def drawn(model: Any, draws: int = 2000, **options: Any) -> dict[str, Tensor]:
    pyro.set_rng_seed(1)
    mcmc = MCMC(NUTS(model, **options), draws, 1000, num_chains=4, disable_progbar=True)
    mcmc.run()
    return {name: x.double() for name, x in mcmc.get_samples(group_by_chain=True).items()}


def check(values: Tensor, expected: Tensor | float) -> None:
    scores = (values.mean((0, 1)) - expected) / mcse_mean(values)
    assert scores.abs().max() < LIMIT, scores


def test_a_normal_law_of_dimension_1000_and_condition_10000() -> None:
    scales = torch.logspace(-2, 0, 1000)

    def model() -> None:
        pyro.sample("x", dist.Normal(torch.zeros(1000), scales).to_event(1))

    x = drawn(model)["x"] / scales
    check(x, 0.0)
    check(x.square(), 1.0)
    check((x.abs() > 2).double(), 2 * float(stats.norm.sf(2)))


def test_a_funnel_reparameterised() -> None:
    def funnel() -> None:
        log_scale = pyro.sample("log_scale", dist.Normal(0.0, 3.0))
        with pyro.plate("plate", 9):
            pyro.sample("x", dist.Normal(0.0, (log_scale / 2).exp()))

    found = drawn(pyro.poutine.reparam(funnel, {"x": LocScaleReparam(0.0)}))
    v, x = found["log_scale"], found["x"]
    check(v, 0.0)
    check(v.square(), 9.0)
    check((v < -6).double(), float(stats.norm.cdf(-2)))
    check((x.abs() < 1).double(), _mass_of_funnel())


def _mass_of_funnel() -> float:
    """The probability of |x| < 1, by quadrature over the logarithm of the variance."""
    v = torch.linspace(-30, 30, 20001, dtype=torch.double)
    weight = torch.exp(-(v**2) / 18)
    inside = torch.erf(torch.exp(-v / 2) / 2**0.5)
    return float((weight * inside).sum() / weight.sum())


def test_a_banana() -> None:
    """As wide as it is bent: on a thinner one, samplers with one step size stick in the tails."""

    def banana() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(0.5 * (x**2 - 1), 1.0))

    found = drawn(banana, draws=4000, target_accept_prob=0.9)
    x, y = found["x"], found["y"]
    check(x, 0.0)
    check(x.square(), 1.0)
    check(y, 0.0)
    check(y.square(), 0.5 + 1.0)
    check((x > 1.5).double(), float(stats.norm.sf(1.5)))


def test_student_t() -> None:
    def student() -> None:
        pyro.sample("x", dist.StudentT(5.0, torch.zeros(3), 2.0).to_event(1))

    x = drawn(student, draws=4000)["x"] / 2
    check(x, 0.0)
    check(x.abs().clamp(max=10), float(stats.t(5).expect(lambda t: min(abs(t), 10.0))))
    for limit in (2.0, 4.0):
        check((x.abs() > limit).double(), 2 * float(stats.t(5).sf(limit)))
