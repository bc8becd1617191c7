"""Statistics of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.information_criteria import loo, waic
from pyro.ops.mixing import (
    autocorrelation,
    autocovariance,
    effective_sample_size,
    gelman_rubin,
    split_gelman_rubin,
)
from pyro.ops.pareto_fit import fit_exceedances
from pyro.ops.proper_scores import crps_empirical, energy_score_empirical
from pyro.ops.quantiles import hpdi, pi, quantile, weighed_quantile


def resample(input: Tensor, num_samples: int, dim: int = 0, replacement: bool = False) -> Tensor:
    """Draw some of the samples along a dim, all with the same probability.

    :param replacement: Whether a sample may be drawn more than once.
    :return: As ``input``, of size ``num_samples`` along ``dim``.
    :raises ValueError: if there are fewer samples than that, without replacement.

    Example::

        >>> from pyro.ops.stats import resample
        >>> resample(torch.arange(5), 5).sort().values
        tensor([0, 1, 2, 3, 4])
    """
    size = input.shape[dim]
    if not replacement and num_samples > size:
        raise ValueError(
            f"resample: {num_samples} of {size} samples cannot be drawn without replacement; give "
            "replacement=True"
        )
    if replacement:
        indices = torch.randint(size, (num_samples,), device=input.device)
    else:
        indices = torch.randperm(size, device=input.device)[:num_samples]
    return input.index_select(dim, indices)


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
    k, sigma = fit_exceedances(X.sort().values)
    return k.item(), sigma.item()


__all__ = [
    "autocorrelation",
    "autocovariance",
    "crps_empirical",
    "effective_sample_size",
    "energy_score_empirical",
    "fit_generalized_pareto",
    "gelman_rubin",
    "hpdi",
    "loo",
    "pi",
    "quantile",
    "resample",
    "split_gelman_rubin",
    "waic",
    "weighed_quantile",
]
