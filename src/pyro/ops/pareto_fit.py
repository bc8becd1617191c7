"""The generalised Pareto law that fits given exceedances best."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def fit_exceedances(exceedances: Tensor) -> tuple[Tensor, Tensor]:
    r"""Fit :math:`P(X > x) = (1 + k x / \sigma)^{-1/k}` to the exceedances in each row.

    The posterior mean of :math:`\theta = -k / \sigma` on a grid under a data-dependent prior, from
    which :math:`k` and :math:`\sigma` follow. Then :math:`k` is shrunk towards 0.5, as if ten more
    exceedances had said so; :math:`\sigma` is not.

    See Zhang and Stephens (2009), *A New and Efficient Estimation Method for the Generalized Pareto
    Distribution*, section 3; Vehtari, Simpson, Gelman, Yao and Gabry (2024), *Pareto Smoothed
    Importance Sampling*, appendix C (the shrinkage).

    :param exceedances: Positive, of shape ``(..., n)``, each row in ascending order.
    :return: ``(k, sigma)``, of shape ``(...)`` and of double precision.
    """
    x = exceedances.double()
    n = x.shape[-1]
    size = 30 + math.isqrt(n)
    quartile = x[..., max(int(n / 4 + 0.5) - 1, 0)].clamp(min=torch.finfo(x.dtype).tiny)
    grid = torch.arange(1, size + 1, dtype=x.dtype, device=x.device)
    steps = (1 - (size / (grid - 0.5)).sqrt()) / 3
    theta = 1 / x[..., -1, None] + steps / quartile[..., None]
    k = torch.log1p(-theta[..., None] * x[..., None, :]).mean(-1)
    log_lik = n * ((-theta / k).log() - k - 1)
    mean = (theta * log_lik.softmax(-1)).sum(-1)
    shape = torch.log1p(-mean[..., None] * x).mean(-1)
    return (shape * n + 0.5 * 10) / (n + 10), -shape / mean


__all__ = ["fit_exceedances"]
