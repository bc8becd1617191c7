"""Bessel functions of circular laws, and the densities that extreme arguments used to break."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as ss
import scipy.stats as sp
import torch

import pyro.distributions as dist
from pyro.ops.circular_bessel import bessel_complement, log_bessel_i0e

KAPPA = np.array([1e-10, 1e-3, 1.0, 30.0, 199.0, 201.0, 1e3, 1e6, 1e10])
DTYPES = pytest.mark.parametrize(
    ("dtype", "tol"), [(torch.float32, 3e-6), (torch.float64, 1e-9)], ids=["float32", "float64"]
)


@DTYPES
def test_bessel(dtype: torch.dtype, tol: float) -> None:
    kappa = torch.tensor(KAPPA, dtype=dtype)
    exact = kappa.double().numpy()
    np.testing.assert_allclose(log_bessel_i0e(kappa), np.log(ss.i0e(exact)), tol, tol)
    kept = exact < 1e4  # scipy's own difference cancels beyond
    complement = 1 - ss.i1e(exact) / ss.i0e(exact)
    np.testing.assert_allclose(bessel_complement(kappa)[kept], complement[kept], rtol=50 * tol)
    np.testing.assert_allclose(bessel_complement(kappa)[-1], 0.5e-10, rtol=tol)


@DTYPES
def test_von_mises_at_any_concentration(dtype: torch.dtype, tol: float) -> None:
    kappa = torch.tensor(KAPPA, dtype=dtype)
    offset = kappa.rsqrt().clamp(max=1.0)
    log_prob = dist.VonMises(torch.zeros_like(kappa), kappa).log_prob(offset)
    expected = sp.vonmises(kappa.double().numpy()).logpdf(offset.double().numpy())
    np.testing.assert_allclose(log_prob, expected, rtol=10 * tol, atol=1e-5)


@DTYPES
def test_inverse_gamma_at_extreme_values(dtype: torch.dtype, tol: float) -> None:
    x = torch.tensor([1e-30, 1e-3, 1.0, 1e30, 1e38], dtype=dtype, requires_grad=True)
    log_prob = dist.InverseGamma(x.new_tensor(3.0), x.new_tensor(2.0)).log_prob(x)
    expected = sp.invgamma(3, scale=2).logpdf(x.detach().double().numpy())
    np.testing.assert_allclose(log_prob.detach(), expected, rtol=tol)
    (gradient,) = torch.autograd.grad(log_prob.sum(), x)
    assert not gradient.isnan().any()
