"""Compiled densities: values, gradients, the C ABI, threads, and what cannot be captured."""

from __future__ import annotations

import ctypes
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.distributions as D

from pyro.compile import NotCapturable, compile_value_and_grad
from pyro.errors import ShapeError

Y = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], dtype=torch.float64)
SIGMA = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0], dtype=torch.float64)
ROWS = 1300 + 7  # more than one block, and some left over
X = (7 * torch.arange(10.0 * ROWS, dtype=torch.float64)).sin().reshape(ROWS, 10)
LABELS = (X.sum(-1) > 0.1).double()
GROUP = torch.arange(ROWS) % 7
SERIES = (torch.arange(600, dtype=torch.float64) ** 1.3).sin()


def five(x):
    return torch.full((), x, dtype=torch.float64)


def normal(loc, scale):
    return D.Normal(loc, scale, validate_args=False)


def eight_schools(x):
    mu, log_tau, eta = x[0], x[1], x[2:]
    tau = log_tau.exp()
    return (
        normal(five(0.0), five(5.0)).log_prob(mu)
        + D.HalfCauchy(five(5.0), validate_args=False).log_prob(tau)
        + log_tau
        + normal(five(0.0), five(1.0)).log_prob(eta).sum()
        + normal(mu + tau * eta, SIGMA).log_prob(Y).sum()
    )


def logistic(x):
    logits = X @ x
    return D.Bernoulli(logits=logits, validate_args=False).log_prob(LABELS).sum() - x.square().sum()


def hierarchical(x):
    mu, scale, group = x[0], x[1].exp(), x[2:9]
    rate = (mu + scale * group)[GROUP].exp()
    return (
        D.Poisson(rate, validate_args=False).log_prob(GROUP.double()).sum()
        + normal(five(0.0), five(1.0)).log_prob(group).sum()
        + D.Gamma(five(2.0), five(1.0), validate_args=False).log_prob(scale)
    )


def hidden_markov(x):
    transition = x[:9].reshape(3, 3).log_softmax(-1)
    emission = normal(x[9:12], five(1.0)).log_prob(Y[:, None])
    alpha = emission[0]
    for t in range(1, 8):
        alpha = (alpha[:, None] + transition).logsumexp(0) + emission[t]
    return alpha.logsumexp(0)


def network(x):
    w1, w2 = x[:50].reshape(10, 5), x[50:55]
    return normal(torch.tanh(X @ w1) @ w2, x[55].exp()).log_prob(LABELS).sum()


def autoregression(x):
    drift = x[0] + x[1] * SERIES[1:-1] + x[2] * SERIES[:-2]
    return normal(drift, x[3].exp()).log_prob(SERIES[2:]).sum()


def volatility(x):
    h = x[3] + x[:3].sum() * torch.cat([x[4:5], x[4:-1]])
    steps = normal(h, five(0.5)).log_prob(x[4:]).sum()
    return steps + normal(five(0.0), (x[4:] / 2).exp()).log_prob(SERIES).sum()


def gaussian_process(x):
    t = SERIES[:20, None]
    gap = (t - t.mT).square()
    kernel = x[0].exp() * (-gap * x[1].exp()).exp() + torch.eye(20).double() * x[2].exp()
    factor = torch.linalg.cholesky(kernel)
    zero = torch.zeros(20).double()
    return D.MultivariateNormal(zero, scale_tril=factor, validate_args=False).log_prob(SERIES[:20])


def mixture(x):
    weights = x[:3].log_softmax(-1)
    parts = normal(x[3:6], x[6:9].exp()).log_prob(SERIES[:, None])
    return (weights + parts).logsumexp(-1).sum()


def unrolled(x):
    h, total = x[0] * 0, x[0] * 0
    for t in range(40):
        h = torch.tanh(x[0] * h + x[1 + t % 3] * SERIES[t])
        total = total - (h - SERIES[t + 1]) ** 2
    return total


DENSITIES = {
    "eight_schools": (eight_schools, 10),
    "logistic": (logistic, 10),
    "hierarchical": (hierarchical, 9),
    "hidden_markov": (hidden_markov, 12),
    "network": (network, 56),
    "autoregression": (autoregression, 4),
    "volatility": (volatility, 604),
    "gaussian_process": (gaussian_process, 3),
    "mixture": (mixture, 9),
    "unrolled": (unrolled, 4),
}


def point(dim, *batch):
    k = torch.arange(math.prod(batch) * dim, dtype=torch.float64)
    return (0.3 * torch.sin(7 * k + 1)).reshape(*batch, dim)


def eager(fn, x):
    x = x.clone().requires_grad_()
    value = fn(x)
    return value.detach(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("name", DENSITIES)
def test_value_and_gradient_are_those_of_eager(name):
    fn, dim = DENSITIES[name]
    density = compile_value_and_grad(fn, torch.zeros(dim, dtype=torch.float64))
    points = point(dim, 4)
    values, gradients = density.value_and_grad(points)
    assert values.shape == (4,)
    assert density.report().called_out == ()
    for x, value, gradient in zip(points, values, gradients, strict=True):
        expected, slope = eager(fn, x)
        torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(gradient, slope, rtol=1e-10, atol=1e-10)


def test_c_interface():
    density = compile_value_and_grad(eight_schools, torch.zeros(10, dtype=torch.float64))
    call = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5)(density.address)
    x, value, gradient = point(10), torch.zeros(1).double(), torch.zeros(10).double()
    scratch = torch.zeros(density.scratch_bytes // 8 + 8, dtype=torch.float64)
    aligned = -(-scratch.data_ptr() // 64) * 64
    code = call(density.context, x.data_ptr(), value.data_ptr(), gradient.data_ptr(), aligned)
    expected = density.value_and_grad(x)
    assert code == 0
    assert torch.equal(value[0], expected[0])
    assert torch.equal(gradient, expected[1])
    assert not density.calls_python


def test_threads_share_code():
    fn, dim = DENSITIES["hierarchical"]
    density = compile_value_and_grad(fn, torch.zeros(dim, dtype=torch.float64))
    points = point(dim, 500)
    expected = density.value_and_grad(points)
    with ThreadPoolExecutor(8) as pool:
        for values, gradients in pool.map(density.value_and_grad, [points] * 16):
            assert torch.equal(values, expected[0])
            assert torch.equal(gradients, expected[1])


def test_shapes_and_types_of_points():
    density = compile_value_and_grad(lambda x: -x.square().sum(), torch.zeros(3))
    value, gradient = density.value_and_grad(torch.ones(2, 4, 3))
    assert (value.shape, gradient.shape) == ((2, 4), (2, 4, 3))
    assert value.dtype is torch.float32
    assert density.value(torch.ones(0, 3)).shape == (0,)
    with pytest.raises(ShapeError, match="density of 3 dims was given points of shape"):
        density.value(torch.ones(4))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_values_that_are_no_numbers_are_answers(bad):
    density = compile_value_and_grad(lambda x: x.log().sum() - x.sum(), torch.ones(3))
    x = torch.tensor([1.0, bad, 2.0], dtype=torch.float64)
    value, gradient = density.value_and_grad(x)
    expected, slope = eager(lambda x: x.log().sum() - x.sum(), x)
    torch.testing.assert_close(value, expected, equal_nan=True)
    torch.testing.assert_close(gradient, slope, equal_nan=True)


def test_a_density_that_ignores_its_point():
    density = compile_value_and_grad(lambda x: torch.tensor(3.0), torch.zeros(2))
    assert density.value_and_grad(torch.zeros(2))[0] == 3
    assert density.value_and_grad(torch.zeros(2))[1].tolist() == [0, 0]


def branch(x):
    return x.sum() if x[0] > 0 else -x.sum()


def item(x):
    return x.sum() * float(x[0])


def mask(x):
    return x[x > 0].sum()


def nonzero(x):
    return x[x.nonzero()[:, 0]].sum()


def noise(x):
    return (x + torch.randn(2)).sum()


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (branch, "control flow depends on the value"),
        (item, "control flow depends on the value"),
        (mask, "a shape depends on the value"),
        (nonzero, "a shape depends on the value"),
        (noise, "draws random numbers"),
    ],
)
def test_what_cannot_be_captured_is_named_with_its_line(fn, reason):
    line = fn.__code__.co_firstlineno + 1
    with pytest.raises(NotCapturable, match=rf"{reason}.*test_density.py:{line}\)"):
        compile_value_and_grad(fn, torch.ones(2))


def test_state_outside_of_torch_is_found_by_verification():
    calls = []

    def counts(x):
        calls.append(None)
        return x.sum() * len(calls)

    with pytest.raises(NotCapturable, match="compiled and eager value differ"):
        compile_value_and_grad(counts, torch.ones(2))


def test_new_data_of_the_same_shapes_use_the_code_again():
    def density_for(data):
        return compile_value_and_grad(
            lambda x: normal(x[0], x[1].exp()).log_prob(data).sum(), torch.zeros(2).double()
        )

    first, second = density_for(SERIES), density_for(SERIES * 2)
    assert second.report().reused
    assert second.address == first.address
    assert second.context != first.context
    x = point(2)
    expected = eager(lambda x: normal(x[0], x[1].exp()).log_prob(SERIES * 2).sum(), x)
    torch.testing.assert_close(second.value_and_grad(x)[0], expected[0])
    assert first.value(x) != second.value(x)
    assert not density_for(SERIES[:-1]).report().reused
