"""Metrics from the draws of a warm-up and from the gradients at them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels import welford
from pyro.infer.mcmc.kernels.metric import DenseMetric, DiagonalMetric
from pyro.infer.mcmc.kernels.welford import Moments

_TINY, _HUGE = 1e-20, 1e20


def stan_diagonal(draws: Moments) -> DiagonalMetric:
    r"""Sample variances, shrunk: :math:`\frac{n}{n+5} s^2 + 10^{-3}\frac{5}{n+5}`.

    Stan reference manual, *HMC algorithm parameters*.
    """
    n = draws.seen[..., None]
    variance = welford.covariance(draws) * (n / (n + 5)) + 1e-3 * (5 / (n + 5))
    return DiagonalMetric(_safe(variance).sqrt())


def fisher_diagonal(draws: Moments, gradients: Moments) -> DiagonalMetric:
    r"""The diagonal metric that minimises the Fisher divergence to a normal density.

    The variance of a coordinate is :math:`\sqrt{\operatorname{var}(x)/\operatorname{var}(g)}`,
    exact for independent normal coordinates wherever the draws come from.

    Seyboldt, Carlson and Carpenter (2026), arXiv 2603.18845, section 3.
    """
    ratio = welford.covariance(draws) / welford.covariance(gradients)
    return DiagonalMetric(_safe(ratio.sqrt()).sqrt())


def stan_dense(draws: Moments, blocks: Sequence[Sequence[int]] | None) -> DenseMetric:
    """The sample covariance, shrunk like :func:`stan_diagonal`, in blocks.

    :param blocks: The coordinates that are correlated with each other; None for all.
    """
    n = draws.seen[..., None, None]
    shrunk = welford.covariance(draws) * (n / (n + 5))
    eye = torch.eye(shrunk.shape[-1], dtype=shrunk.dtype, device=shrunk.device)
    return DenseMetric(_factor(_in_blocks(shrunk, blocks) + 1e-3 * (5 / (n + 5)) * eye))


def fisher_dense(
    draws: Moments, gradients: Moments, blocks: Sequence[Sequence[int]] | None
) -> DenseMetric:
    r"""The metric that minimises the Fisher divergence to a normal density, in blocks.

    :math:`\Sigma` with :math:`\Sigma\operatorname{cov}(g)\Sigma = \operatorname{cov}(x)`, the
    geometric mean of the covariance of the draws and the inverse of that of the gradients. Both are
    first
    scaled by the diagonal estimate and shrunk towards the identity as if five more rows had it.

    :param blocks: The coordinates that are correlated with each other; None for all.

    Seyboldt, Carlson and Carpenter (2026), arXiv 2603.18845, section 3.
    """
    n = draws.seen[..., None, None]
    x, g = welford.covariance(draws), welford.covariance(gradients)
    ratio = x.diagonal(dim1=-2, dim2=-1) / g.diagonal(dim1=-2, dim2=-1)
    scale = _safe(ratio.sqrt()).sqrt()
    both = scale[..., :, None] * scale[..., None, :]
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    x = (n * _in_blocks(x / both, blocks) + 5 * eye) / (n + 5)
    g = (n * _in_blocks(g * both, blocks) + 5 * eye) / (n + 5)
    return DenseMetric(scale[..., None] * _factor(_geometric_mean(x, g)))


def _geometric_mean(x: Tensor, g: Tensor) -> Tensor:
    r""":math:`g^{-1/2}(g^{1/2} x g^{1/2})^{1/2}g^{-1/2}`."""
    root, inverse = _power(g, 0.5), _power(g, -0.5)
    return inverse @ _power(root @ x @ root, 0.5) @ inverse


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = (vectors * values.clamp(min=_TINY)[..., None, :] ** exponent) @ vectors.mT
    return power


def _in_blocks(matrix: Tensor, blocks: Sequence[Sequence[int]] | None) -> Tensor:
    """The matrix with zeros outside of the diagonal and of blocks on it."""
    if blocks is None:
        return matrix
    block = torch.arange(matrix.shape[-1], device=matrix.device)
    for one in blocks:
        block[list(one)] = min(one, default=0)
    return matrix * (block[:, None] == block).to(matrix)


def _factor(matrix: Tensor) -> Tensor:
    """The Cholesky factor; the identity where a matrix is not positive definite."""
    symmetric = (matrix + matrix.mT) / 2
    good = symmetric.isfinite().all(-1).all(-1)[..., None, None]
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    factor, info = torch.linalg.cholesky_ex(torch.where(good, symmetric, eye))
    return torch.where((info == 0)[..., None, None], factor, eye)


def _safe(variance: Tensor) -> Tensor:
    """Variances that can be used; one where they are not known."""
    good = variance.isfinite() & (variance > 0)
    return torch.where(good, variance, 1.0).clamp(_TINY, _HUGE)
