"""Statistics of samples."""

from __future__ import annotations

from torch import Tensor

from pyro.ops.pareto_fit import fit_exceedances


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
