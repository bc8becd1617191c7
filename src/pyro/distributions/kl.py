"""Kullback-Leibler divergences that torch does not know."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution as AnyDistribution
from torch.distributions import MultivariateNormal, Normal, kl_divergence, register_kl

from pyro.distributions.delta import Delta
from pyro.distributions.torch_distribution import Independent, MaskedDistribution
from pyro.errors import ShapeError
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import sum_rightmost


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


@register_kl(MaskedDistribution, MaskedDistribution)
def _kl_masked_masked(p: Any, q: Any) -> Tensor:
    """Masked where either is."""
    mask = p._mask if q._mask is True else q._mask if p._mask is True else p._mask & q._mask
    return _masked(p.base_dist, q.base_dist, mask)


@register_kl(MaskedDistribution, AnyDistribution)
def _kl_masked_any(p: Any, q: Any) -> Tensor:
    return _masked(p.base_dist, q, p._mask)


@register_kl(AnyDistribution, MaskedDistribution)
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
