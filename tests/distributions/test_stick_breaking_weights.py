"""Laws of the weights of a truncated stick-breaking process."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as sp
import torch
from scipy.integrate import dblquad
from torch import Tensor

import pyro.distributions as dist


def law(concentration: float, truncation: int, discount: float = 0.0) -> dist.StickBreakingWeights:
    alpha = torch.tensor(concentration, dtype=torch.float64)
    return dist.StickBreakingWeights(alpha, truncation, discount)


@pytest.mark.parametrize("alpha", [1.0, 2.5])
def test_density_normalises(alpha: float) -> None:
    d = law(alpha, 3)

    def density(second: float, first: float) -> float:
        rest = max(1 - first - second, 0.0)
        x = torch.tensor([first, second, rest], dtype=torch.float64)
        return d.log_prob(x / x.sum()).exp().item()

    total, error = dblquad(density, 0, 1, 0, lambda x: 1 - x, epsabs=1e-5, epsrel=1e-5)
    assert total == pytest.approx(1.0, abs=max(error, 2e-4))


@pytest.mark.parametrize(("alpha", "discount"), [(0.3, 0.0), (4.0, 0.0), (1.5, 0.6)])
def test_density_is_that_of_the_sticks(alpha: float, discount: float) -> None:
    """Against independent beta laws and the Jacobian by automatic differentiation."""
    torch.manual_seed(1)
    k = torch.arange(1, 6, dtype=torch.float64)
    sticks = dist.Beta(torch.full_like(k, 1 - discount), alpha + k * discount)
    v = sticks.sample()

    def weights(v: Tensor) -> Tensor:
        return v * torch.cat([v.new_ones(1), (1 - v[:-1]).cumprod(0)])

    jacobian = torch.autograd.functional.jacobian(weights, v)
    w = weights(v)
    expected = sticks.log_prob(v).sum() - torch.linalg.slogdet(jacobian).logabsdet
    actual = law(alpha, 6, discount).log_prob(torch.cat([w, 1 - w.sum(0, keepdim=True)]))
    torch.testing.assert_close(actual, expected, rtol=1e-8, atol=1e-8)


def test_two_weights_are_a_beta_law() -> None:
    x = np.linspace(0.05, 0.95, 7)
    both = torch.tensor(np.stack([x, 1 - x], -1))
    np.testing.assert_allclose(law(2.3, 2).log_prob(both), sp.beta(1.0, 2.3).logpdf(x))
    np.testing.assert_allclose(law(2.3, 2, 0.4).log_prob(both), sp.beta(0.6, 2.7).logpdf(x))


@pytest.mark.parametrize(("alpha", "discount"), [(0.4, 0.0), (3.0, 0.0), (1.5, 0.5)])
def test_draws_have_their_sticks_and_moments(alpha: float, discount: float) -> None:
    """Each stick fits its beta law, each moment is within 5 errors; fails by chance 1e-5."""
    torch.manual_seed(2)
    d = law(alpha, 5, discount)
    w = d.sample((20_000,))
    rest = w.flip(-1).cumsum(-1).flip(-1)
    for k in range(1, 4):
        kept = rest[:, k - 1] > 1e-12
        left = (rest[kept, k] / rest[kept, k - 1]).numpy()
        assert sp.kstest(left, sp.beta(alpha + k * discount, 1 - discount).cdf).pvalue > 1e-6
    error = (d.variance / 20_000).sqrt()
    assert ((w.mean(0) - d.mean).abs() <= 5 * error).all()
    spread = (w - d.mean).square()
    assert ((spread.mean(0) - d.variance).abs() <= 5 * spread.std(0) / 20_000**0.5).all()
    torch.testing.assert_close(d.mean.sum(), torch.ones((), dtype=torch.float64))


@pytest.mark.parametrize("discount", [0.0, 0.4])
def test_draws_have_the_gradient_of_the_mean(discount: float) -> None:
    """Within 5 standard errors, fails by chance with probability 1e-5."""
    torch.manual_seed(3)
    alpha = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    exact = torch.autograd.functional.jacobian(
        lambda a: dist.StickBreakingWeights(a, 4, discount).mean, alpha
    )
    many = alpha.detach().expand(20_000).clone().requires_grad_()
    w = dist.StickBreakingWeights(many, 4, discount).rsample()
    for k in range(4):
        (slope,) = torch.autograd.grad(w[:, k].sum(), many, retain_graph=True)
        assert (slope.mean() - exact[k]).abs() <= 5 * slope.std() / 20_000**0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("alpha", [1e-6, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("discount", [0.0, 0.9])
def test_extremes(dtype: torch.dtype, alpha: float, discount: float) -> None:
    torch.manual_seed(4)
    leaves = [torch.tensor(a, dtype=dtype, requires_grad=True) for a in (alpha, discount)]
    d = dist.StickBreakingWeights(leaves[0], 50, leaves[1])
    w = d.rsample((20,))
    assert d.support.check(w).all()
    log_prob = d.log_prob(w)
    assert log_prob.isfinite().all()
    for value in (log_prob.sum(), w[..., 0].sum()):
        for gradient in torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True):
            assert gradient is None or gradient.isfinite().all()


def test_gradients() -> None:
    x = torch.tensor([0.2, 0.5, 0.1, 0.2], dtype=torch.float64)
    alpha = torch.tensor([0.5, 3.0], dtype=torch.float64, requires_grad=True)
    discount = torch.tensor([0.1, 0.7], dtype=torch.float64, requires_grad=True)

    def log_prob(alpha: Tensor, discount: Tensor, x: Tensor) -> Tensor:
        return dist.StickBreakingWeights(alpha, 4, discount, validate_args=False).log_prob(x)

    torch.autograd.gradcheck(log_prob, (alpha, discount, x.requires_grad_()))


@pytest.mark.parametrize("truncation", [1, 2.5, -3])
def test_truncation_is_checked(truncation: float) -> None:
    with pytest.raises(ValueError, match="truncation"):
        dist.StickBreakingWeights(1.0, truncation)
