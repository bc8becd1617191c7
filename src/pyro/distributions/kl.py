"""Kullback-Leibler divergences that torch does not know."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution as AnyDistribution
from torch.distributions import (
    MultivariateNormal,
    Normal,
    VonMises,
    Weibull,
    kl_divergence,
    register_kl,
)

from pyro.distributions.delta import Delta
from pyro.distributions.torch_distribution import (
    ExpandedDistribution,
    Independent,
    MaskedDistribution,
)
from pyro.errors import ShapeError
from pyro.ops.circular_bessel import bessel_complement, log_bessel_i0e
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import broadcast_shape, sum_rightmost

_EULER = 0.5772156649015329


@register_kl(Delta, AnyDistribution)
def _kl_delta(p: Any, q: Any) -> Tensor:
    """Exact: the expectation over a point mass is the value at its point."""
    return p.log_density - q.log_prob(p.v)  # type: ignore[no-any-return]


@register_kl(Delta, Delta)
def _kl_delta_delta(p: Any, q: Any) -> Tensor:
    return p.log_density - q.log_prob(p.v)  # type: ignore[no-any-return]


@register_kl(Independent, Independent)
def _kl_independent(p: Any, q: Any) -> Tensor:
    """Sum over the dimensions that both declare dependent; the events may nest differently."""
    shared = min(p.reinterpreted_batch_ndims, q.reinterpreted_batch_ndims)
    if p.event_shape != q.event_shape:
        raise ShapeError(f"event shapes differ: {tuple(p.event_shape)} vs {tuple(q.event_shape)}")
    left, right = _strip(p, shared), _strip(q, shared)
    return sum_rightmost(kl_divergence(left, right), shared)


def _strip(distribution: Any, count: int) -> Any:
    """Undo ``count`` of the dimensions that Independent holds."""
    remaining = distribution.reinterpreted_batch_ndims - count
    return Independent(distribution.base_dist, remaining) if remaining else distribution.base_dist


@register_kl(Independent, MultivariateNormal)
def _kl_diagonal_mvn(p: Any, q: Any) -> Tensor:
    """From independent normals to a correlated one, both over vectors."""
    normal = p.base_dist
    if not isinstance(normal, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError(f"KL divergence of {p!r} from MultivariateNormal")
    tril = q._unbroadcasted_scale_tril
    columns = torch.cat([normal.scale.diag_embed(), (q.loc - normal.loc).unsqueeze(-1)], -1)
    squares = torch.linalg.solve_triangular(tril, columns, upper=False).square().sum((-2, -1))
    log_ratio = tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) - normal.scale.log().sum(-1)
    kl: Tensor = log_ratio + 0.5 * (squares - normal.loc.shape[-1])
    return kl


@register_kl(MultivariateNormal, Independent)
def _kl_mvn_diagonal(p: Any, q: Any) -> Tensor:
    """From a correlated normal vector to independent ones."""
    normal = q.base_dist
    if not isinstance(normal, Normal) or q.reinterpreted_batch_ndims != 1:
        raise NotImplementedError(f"KL divergence of MultivariateNormal from {q!r}")
    tril = p._unbroadcasted_scale_tril
    squares = ((p.loc - normal.loc) / normal.scale).square() + p.variance / normal.scale.square()
    log_ratio = normal.scale.log().sum(-1) - tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    kl: Tensor = log_ratio + 0.5 * (squares.sum(-1) - p.loc.shape[-1])
    return kl


@register_kl(Weibull, Weibull)
def _kl_weibull(p: Any, q: Any) -> Tensor:
    """Bauckhage (2013), *Computing the Kullback-Leibler Divergence between Two Weibull Laws*."""
    ratio = q.concentration / p.concentration
    log_scales = q.concentration * (p.scale.log() - q.scale.log())
    growth = (log_scales + (ratio + 1).lgamma()).exp()
    kl: Tensor = growth - 1 - log_scales - ratio.log() + (ratio - 1) * _EULER
    return kl


@register_kl(VonMises, VonMises)
def _kl_von_mises(p: Any, q: Any) -> Tensor:
    """The mean of a draw of p points along its direction and has the length 1 - c."""
    c = bessel_complement(p.concentration)
    apart = p.loc - q.loc
    missed = 2 * (apart / 2).sin().square() + c * apart.cos()
    log_ratio = log_bessel_i0e(q.concentration) - log_bessel_i0e(p.concentration)
    kl: Tensor = q.concentration * missed - p.concentration * c + log_ratio
    return kl


@register_kl(ExpandedDistribution, AnyDistribution)
def _kl_expanded_any(p: Any, q: Any) -> Tensor:
    """That of the base, repeated."""
    return _repeated(p.base_dist, q, p, q)


@register_kl(AnyDistribution, ExpandedDistribution)
@register_kl(Delta, ExpandedDistribution)
def _kl_any_expanded(p: Any, q: Any) -> Tensor:
    return _repeated(p, q.base_dist, p, q)


@register_kl(ExpandedDistribution, ExpandedDistribution)
def _kl_expanded_expanded(p: Any, q: Any) -> Tensor:
    return _repeated(p.base_dist, q.base_dist, p, q)


def _repeated(left: Any, right: Any, p: Any, q: Any) -> Tensor:
    """The divergence of ``left`` from ``right``, in the batch shape of the pair p, q."""
    shape = broadcast_shape(left.batch_shape, right.batch_shape)
    kl = kl_divergence(_of_shape(left, shape), _of_shape(right, shape))
    return kl.expand(broadcast_shape(p.batch_shape, q.batch_shape))


def _of_shape(distribution: Any, shape: torch.Size) -> Any:
    """Expanded by its own means, if it has any: some of torch's formulas do not broadcast."""
    wide = distribution.expand(shape)
    return distribution if isinstance(wide, ExpandedDistribution) else wide


@register_kl(MaskedDistribution, MaskedDistribution)
def _kl_masked_masked(p: Any, q: Any) -> Tensor:
    """Masked where either is."""
    mask = p._mask if q._mask is True else q._mask if p._mask is True else p._mask & q._mask
    return _masked(p.base_dist, q.base_dist, mask)


@register_kl(MaskedDistribution, AnyDistribution)
@register_kl(MaskedDistribution, ExpandedDistribution)
def _kl_masked_any(p: Any, q: Any) -> Tensor:
    return _masked(p.base_dist, q, p._mask)


@register_kl(AnyDistribution, MaskedDistribution)
@register_kl(ExpandedDistribution, MaskedDistribution)
def _kl_any_masked(p: Any, q: Any) -> Tensor:
    return _masked(p, q.base_dist, q._mask)


@register_kl(Delta, MaskedDistribution)
def _kl_delta_masked(p: Any, q: Any) -> Tensor:
    return _masked(p, q.base_dist, q._mask)


def _masked(p: Any, q: Any, mask: bool | Tensor) -> Tensor:
    if mask is False:
        shape = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
        return torch.zeros(shape)
    return scale_and_mask(kl_divergence(p, q), mask=mask)  # type: ignore[return-value]


__all__ = ["kl_divergence", "register_kl"]
