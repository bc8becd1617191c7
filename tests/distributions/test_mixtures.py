"""Mixtures of components with different supports."""

from __future__ import annotations

import math

import pytest
import torch

import pyro.distributions as dist
from pyro.distributions import constraints


def weights(*values: float) -> dist.Categorical:
    return dist.Categorical(torch.tensor(values))


def test_a_component_counts_nothing_where_it_cannot_be() -> None:
    d = dist.Mixture(weights(0.25, 0.75), [dist.Uniform(-1.0, 1.0), dist.Exponential(1.0)])
    x = torch.tensor([-0.5, 0.5, 2.0])
    expected = torch.tensor([0.125, 0.125 + 0.75 * math.exp(-0.5), 0.75 * math.exp(-2.0)])
    torch.testing.assert_close(d.log_prob(x).exp(), expected)
    assert d.support.check(torch.tensor([-2.0, -0.5, 3.0])).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="support"):
        d.log_prob(torch.tensor(-2.0))


def test_gradients_are_finite_outside_of_a_component() -> None:
    rate = torch.tensor(1.0, requires_grad=True)
    x = torch.tensor([-3.0, 0.0, 2.0], requires_grad=True)
    d = dist.Mixture(weights(0.5, 0.5), [dist.Normal(0.0, 1.0), dist.LogNormal(0.0, rate)])
    d.log_prob(x).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    assert rate.grad is not None and rate.grad.isfinite()


def test_union_with_the_real_line_is_the_real_line() -> None:
    d = dist.Mixture(weights(0.5, 0.5), [dist.HalfNormal(1.0), dist.Normal(0.0, 1.0)])
    assert d.support is constraints.real


def test_distribution_function() -> None:
    d = dist.Mixture(weights(0.25, 0.75), [dist.Uniform(0.0, 1.0), dist.Exponential(1.0)])
    torch.testing.assert_close(
        d.cdf(torch.tensor(0.5)), torch.tensor(0.25 * 0.5 + 0.75 * (1 - math.exp(-0.5)))
    )


def test_shared_finite_support_is_enumerated() -> None:
    d = dist.Mixture(weights(0.25, 0.75), [dist.Bernoulli(0.1), dist.Bernoulli(0.5)])
    values = d.enumerate_support()
    torch.testing.assert_close(d.log_prob(values).exp().sum(), torch.tensor(1.0))
    other = dist.Mixture(weights(0.25, 0.75), [dist.Binomial(2, 0.1), dist.Binomial(3, 0.5)])
    assert not other.has_enumerate_support


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ([dist.Normal(0.0, 1.0)], "1 components for 2 weights"),
        ([dist.Normal(0.0, 1.0), dist.Normal(torch.zeros(2), 1.0).to_event(1)], "event shape"),
        ([dist.Normal(0.0, 1.0), dist.Poisson(1.0)], "densities"),
    ],
)
def test_components_that_do_not_fit(components: list[dist.Distribution], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dist.Mixture(weights(0.5, 0.5), components)


def test_masked_mixture_has_the_support_of_its_choice() -> None:
    mask = torch.tensor([False, True])
    d = dist.MaskedMixture(mask, dist.Normal(0.0, 1.0), dist.LogNormal(0.0, 1.0))
    assert d.support.check(torch.tensor([-1.0, -1.0])).tolist() == [True, False]
    expected = dist.Normal(0.0, 1.0).log_prob(-1.0), dist.LogNormal(0.0, 1.0).log_prob(2.0)
    torch.testing.assert_close(d.log_prob(torch.tensor([-1.0, 2.0])), torch.stack(expected))
    with pytest.raises(ValueError, match="bool"):
        dist.MaskedMixture(torch.tensor([0.0, 1.0]), dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0))
