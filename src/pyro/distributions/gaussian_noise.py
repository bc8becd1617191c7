"""Multivariate normal distributions, however they are written, as location and covariance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.masked import MaskedDistribution
from pyro.distributions.nan_masked_multivariate_normal import NanMaskedMultivariateNormal
from pyro.distributions.nan_masked_normal import NanMaskedNormal
from pyro.distributions.torch_multivariate import MultivariateNormal
from pyro.errors import ShapeError
from pyro.ops.batch_last import (
    cholesky,
    entries_first,
    matmul,
    stacked,
    transpose,
    unstacked,
    unstacked_matrices,
)
from pyro.ops.gaussian_kernel import State


class Noise(NamedTuple):
    """Location and covariance with their entries in front, and which of the data count."""

    loc: Tensor
    cov: Tensor
    present: Tensor | None = None
    skips_nan: bool = False


def gaussian_noise(
    distribution: Any, batch_shape: torch.Size, dtype: torch.dtype, timed: bool = True
) -> Noise:
    """Take apart a distribution over vectors.

    :param distribution: A MultivariateNormal, or ``Normal(...).to_event(1)``, either of which may
        be masked, of batch shape ``(batch..., time)`` up to broadcasting.
    :param batch_shape: The whole batch without time.
    :param timed: whether the distribution's batch shape ends with time.
    """
    base, mask = unmasked(distribution)
    present = None if mask is None else mask[..., None]

    def take(x: Tensor, event_dim: int) -> Tensor:
        return stacked(x if timed else x.unsqueeze(-event_dim - 1), batch_shape, event_dim, dtype)

    if not isinstance(base, td.Independent):
        skips_nan = isinstance(base, NanMaskedMultivariateNormal)
        cov = _covariance(base, take)
        return Noise(take(base.loc, 1), cov, _stack(present, batch_shape), skips_nan)
    inner, mask = unmasked(base.base_dist)
    if mask is not None:
        present = mask if present is None else mask & present
    loc, scale = take(inner.loc, 1), take(inner.scale, 1)
    cov = entries_first(scale.square().permute(1, 2, 0).diag_embed())
    cov = cov[:, :, 0, 0] if cov.shape[2:] == (1, 1) else cov
    return Noise(loc, cov, _stack(present, batch_shape), isinstance(inner, NanMaskedNormal))


def check_gaussian(
    owner: str, name: str, distribution: Any, dim: int, may_be_masked: bool = False
) -> None:
    """Refuse what is no normal distribution over vectors of ``dim`` entries.

    :raises ValueError: naming the argument.
    :raises ShapeError: (a ``ValueError``) if the event shape is another.
    """
    base = unmasked(distribution)[0] if may_be_masked else distribution
    if isinstance(base, td.Independent):
        inner = unmasked(base.base_dist)[0] if may_be_masked else base.base_dist
        known = isinstance(inner, td.Normal) and base.reinterpreted_batch_ndims == 1
    else:
        known = isinstance(base, (td.MultivariateNormal, td.LowRankMultivariateNormal))
    if not known:
        raise ValueError(
            f"{owner}: {name} must be a MultivariateNormal or a Normal(...).to_event(1), "
            f"got {distribution!r}"
        )
    if distribution.event_shape != (dim,):
        raise ShapeError(
            f"{owner}: {name} must have event_shape ({dim},), got {tuple(distribution.event_shape)}"
        )


def unmasked(distribution: Any) -> tuple[Any, Tensor | None]:
    """What is below all masks, and the masks together."""
    if not isinstance(distribution, MaskedDistribution):
        return distribution, None
    base, inner = unmasked(distribution.base_dist)
    mask = distribution._mask
    if mask is True:
        return base, inner
    if mask is False:
        device = distribution.mean.device
        mask = torch.zeros(distribution.batch_shape, dtype=torch.bool, device=device)
    return base, mask if inner is None else mask & inner


def at_times(distribution: Any, times: slice) -> Any:
    """The law at some times, which are its rightmost batch dimension.

    What is common to all times stays as it is.
    """
    if distribution.batch_shape[-1:] in ((), (1,)):
        return distribution
    if isinstance(distribution, MaskedDistribution):
        kept = distribution._mask
        kept = kept[..., times] if isinstance(kept, Tensor) else kept
        return MaskedDistribution(at_times(distribution.base_dist, times), kept)
    if isinstance(distribution, td.Independent):
        inner, mask = unmasked(distribution.base_dist)
        cut = type(inner)(inner.loc[..., times, :], inner.scale[..., times, :])
        return (cut if mask is None else cut.mask(mask[..., times, :])).to_event(1)
    kind = type(distribution)
    kind = kind if issubclass(kind, MultivariateNormal) else MultivariateNormal
    return kind(
        distribution.loc[..., times, :],
        scale_tril=distribution.scale_tril[..., times, :, :],
        validate_args=False,
    )


def normal_at_times(law: State, batch_shape: torch.Size, dtype: torch.dtype) -> MultivariateNormal:
    """States with their entries in front as a distribution of batch shape ``(batch..., time)``."""
    loc = unstacked(law.mean, batch_shape).to(dtype)
    factor = unstacked_matrices(cholesky(law.cov), batch_shape).to(dtype)
    return MultivariateNormal(loc, scale_tril=factor, validate_args=False)


def final_state(
    law: State, batch_shape: torch.Size, shape: torch.Size, dtype: torch.dtype
) -> MultivariateNormal:
    """A state at one time as a distribution of a shape to which that of the batch broadcasts."""
    loc = unstacked(law.mean, batch_shape)[..., -1, :].to(dtype)
    factor = unstacked_matrices(cholesky(law.cov), batch_shape)[..., -1, :, :].to(dtype)
    return MultivariateNormal(
        loc.expand(shape + loc.shape[-1:]), scale_tril=factor, validate_args=False
    )


def _stack(present: Tensor | None, batch_shape: torch.Size) -> Tensor | None:
    return None if present is None else stacked(present, batch_shape, 1, torch.bool)


def _covariance(normal: Any, take: Callable[[Tensor, int], Tensor]) -> Tensor:
    factor = getattr(normal, "_unbroadcasted_scale_tril", None)
    if factor is None or "covariance_matrix" in normal.__dict__:
        return take(normal.covariance_matrix, 2)
    factor = take(factor, 2)
    cov: Tensor = matmul(factor, transpose(factor))
    return cov
