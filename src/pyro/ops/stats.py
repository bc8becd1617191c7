"""Statistics of samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def fit_generalized_pareto(X: Tensor) -> tuple[float, float]:
    r"""Fit the generalised Pareto law :math:`P(X > x) = (1 + k x / \sigma)^{-1/k}` to exceedances.

    The posterior mean of :math:`\theta = -k / \sigma` on a grid under a data-dependent prior, from
    which :math:`k` and :math:`\sigma` follow; :math:`k` is shrunk a little towards 0.5.

    See Zhang and Stephens (2009), *A New and Efficient Estimation Method for the Generalized Pareto
    Distribution*, section 3; Vehtari, Simpson, Gelman, Yao and Gabry (2024), *Pareto Smoothed
    Importance Sampling*, appendix C (the shrinkage).

    :param X: Positive exceedances over a threshold, of shape ``(n,)``, in any order.
    :return: ``(k, sigma)``.
    :raises ValueError: if ``X`` is not one-dimensional or holds fewer than two numbers.
    """
    if X.dim() != 1 or len(X) < 2:
        raise ValueError(f"expected at least two exceedances, but got shape {tuple(X.shape)}")
    x = X.double().sort().values
    n = len(x)
    size = 30 + math.isqrt(n)
    quartile = x[max(int(n / 4 + 0.5) - 1, 0)].clamp(min=torch.finfo(x.dtype).tiny)
    grid = torch.arange(1, size + 1, dtype=x.dtype, device=x.device)
    theta = 1 / x[-1] + (1 - (size / (grid - 0.5)).sqrt()) / (3 * quartile)
    k = torch.log1p(-theta[:, None] * x).mean(-1)
    log_lik = n * ((-theta / k).log() - k - 1)
    mean = (theta * log_lik.softmax(0)).sum()
    shape = torch.log1p(-mean * x).mean()
    sigma = -shape / mean
    return (shape.item() * n + 0.5 * 10) / (n + 10), sigma.item()
