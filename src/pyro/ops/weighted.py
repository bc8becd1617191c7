"""Statistics of weighted draws."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def weighted_quantile(values: Tensor, log_weights: Tensor, probs: Sequence[float]) -> Tensor:
    r"""Quantiles of weighted draws, linear between them.

    The i-th smallest draw is the quantile at :math:`\sum_{j < i} w_j + w_i / 2`; with equal weights
    that is definition 5 of Hyndman and Fan (1996), *Sample Quantiles in Statistical Packages*.

    :param values: Draws, of shape ``(n, ...)``.
    :param log_weights: Normalised, of shape ``(n,)``.
    :return: Of shape ``(len(probs), ...)``.

    Example::

        >>> from pyro.ops.weighted import weighted_quantile
        >>> weights = torch.tensor([0.5, 0.25, 0.25]).log()
        >>> weighted_quantile(torch.tensor([0.0, 1.0, 2.0]), weights, [0.25, 0.625])
        tensor([0., 1.])
    """
    if not values.is_floating_point():
        values = values.to(torch.get_default_dtype())
    ordered, order = values.sort(0)
    weights = log_weights.exp().to(values)[order]
    at = (weights.cumsum(0) - weights / 2).movedim(0, -1).contiguous()
    ordered = ordered.movedim(0, -1)
    wanted = torch.as_tensor(probs).to(values).expand(*at.shape[:-1], len(probs)).contiguous()
    above = torch.searchsorted(at, wanted).clamp(1, max(len(values) - 1, 1))
    above = above.clamp(max=len(values) - 1)
    below = (above - 1).clamp(min=0)
    low, high = at.gather(-1, below), at.gather(-1, above)
    share = ((wanted - low) / (high - low).clamp(min=torch.finfo(at.dtype).tiny)).clamp(0, 1)
    result = ordered.gather(-1, below).lerp(ordered.gather(-1, above), share)
    return result.movedim(-1, 0)


def systematic_resample(log_weights: Tensor, n: int) -> Tensor:
    r"""Indices drawn by weights: each occurs :math:`\lfloor n w \rfloor` times or once more.

    See Douc, Cappé and Moulines (2005), *Comparison of Resampling Schemes for Particle Filtering*,
    section 2.4. The indices come in random order.

    :param log_weights: Normalised, of shape ``(m,)``.
    :return: Of shape ``(n,)``.

    Example::

        >>> from pyro.ops.weighted import systematic_resample
        >>> weights = torch.tensor([0.5, 0.0, 0.25, 0.25]).log()
        >>> systematic_resample(weights, 4).sort().values
        tensor([0, 0, 2, 3])
    """
    weights = log_weights.double().exp()
    bounds = weights.cumsum(0)
    grid = (torch.arange(n, device=weights.device) + torch.rand((), device=weights.device)) / n
    indices = torch.searchsorted(bounds, grid.double() * bounds[-1], right=True)
    last = int((weights > 0).nonzero()[-1])
    indices = indices.clamp(max=last)
    return indices[torch.randperm(n, device=weights.device)]
