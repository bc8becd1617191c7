"""Families over vectors and matrices."""

from __future__ import annotations

import torch.distributions as td

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family

__all__ = [
    "LKJCholesky",
    "LogisticNormal",
    "LowRankMultivariateNormal",
    "Multinomial",
    "MultivariateNormal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "RelaxedOneHotCategorical",
    "Wishart",
]


@torch_family
class LKJCholesky(td.LKJCholesky, TorchDistribution):  # type: ignore[misc]
    r""":math:`f(L) \propto \det(L L^\top)^{\eta-1}\ \text{as a law of correlation matrices}`

    ``dim`` at least 2, ``concentration`` :math:`\eta` positive; :math:`L` Cholesky factors of
    correlation matrices.
    """


@torch_family
class LogisticNormal(td.LogisticNormal, TorchDistribution):  # type: ignore[misc]
    r""":math:`x = \mathrm{stick\ breaking}(y),\quad y \sim \mathcal N(\mu, \sigma)`

    ``loc`` real, ``scale`` positive, both of last dimension :math:`n-1`; :math:`x` on the
    simplex of :math:`n` entries.
    """


@torch_family
class LowRankMultivariateNormal(td.LowRankMultivariateNormal, TorchDistribution):  # type: ignore[misc]
    r""":math:`x \sim \mathcal N(\mu, W W^\top + D)`

    ``loc`` real (n), ``cov_factor`` :math:`W` (n, r), ``cov_diag`` :math:`D` positive (n);
    :math:`x` real vectors.
    """


@torch_family
class Multinomial(td.Multinomial, TorchDistribution):  # type: ignore[misc]
    r""":math:`P(k) = \frac{n!}{\prod_i k_i!} \prod_i p_i^{k_i}`

    ``total_count`` :math:`n` an int, ``probs`` or ``logits`` as in Categorical; :math:`k`
    counts that sum to :math:`n`.
    """


@torch_family
class MultivariateNormal(td.MultivariateNormal, TorchDistribution):  # type: ignore[misc]
    r""":math:`f(x) \propto \exp(-\tfrac12 (x-\mu)^\top \Sigma^{-1} (x-\mu))`

    ``loc`` real (n), and one of ``covariance_matrix``, ``precision_matrix`` (positive
    definite), ``scale_tril`` (lower triangular, positive diagonal); :math:`x` real vectors.
    """


@torch_family
class OneHotCategorical(td.OneHotCategorical, TorchDistribution):  # type: ignore[misc]
    r""":math:`P(e_k) = p_k / \sum_j p_j`

    ``probs`` or ``logits`` as in Categorical; one-hot vectors.
    """


@torch_family
class OneHotCategoricalStraightThrough(td.OneHotCategoricalStraightThrough, TorchDistribution):  # type: ignore[misc]
    r""":math:`P(e_k) = p_k / \sum_j p_j`

    as OneHotCategorical; draws carry the straight-through gradient of Bengio et al. (2013).
    """


@torch_family
class RelaxedOneHotCategorical(td.RelaxedOneHotCategorical, TorchDistribution):  # type: ignore[misc]
    r""":math:`x = \mathrm{softmax}((\ell + g)/t),\quad g_i \sim \mathrm{Gumbel}(0, 1)`

    ``temperature`` positive, ``probs`` or ``logits`` as in Categorical; :math:`x` on the
    simplex (Maddison et al. 2017).
    """


@torch_family
class Wishart(td.Wishart, TorchDistribution):  # type: ignore[misc]
    r""":math:`f(X) \propto |X|^{(\nu-p-1)/2} e^{-\mathrm{tr}(V^{-1}X)/2}`

    ``df`` :math:`\nu > p - 1`, and one of ``covariance_matrix``, ``precision_matrix``,
    ``scale_tril``; :math:`X` positive definite (p, p).
    """
