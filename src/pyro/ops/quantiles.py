"""Quantiles of samples and intervals made of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Probs = float | Sequence[float] | Tensor


def quantile(input: Tensor, probs: Probs, dim: int = 0) -> Tensor:
    """Quantiles of samples along a dim, interpolated linearly between neighbours.

    :param probs: Numbers from 0 to 1.
    :return: As ``input``, with the quantiles along ``dim``; without that dim if ``probs`` is a
        number.

    Example::

        >>> from pyro.ops.stats import quantile
        >>> quantile(torch.arange(5.0), [0.1, 0.5])
        tensor([0.4000, 2.0000])
    """
    ordered = _along_last(input, dim).sort(-1).values
    levels = torch.linspace(0, 1, ordered.shape[-1]).to(ordered)
    return _interpolate(levels.expand_as(ordered), ordered, probs, dim)


def weighed_quantile(input: Tensor, probs: Probs, log_weights: Tensor, dim: int = 0) -> Tensor:
    """Quantiles of weighted samples; for equal weights those of :func:`quantile`.

    The sample of rank i is the quantile at the weight of the ranks up to i without the first,
    relative to that of all ranks but the first. Samples of no weight do not count.

    :param probs: Numbers from 0 to 1.
    :param log_weights: Of shape ``(n,)``, n being the size of ``input`` along ``dim``; they need
        not be normalised.
    :return: As for :func:`quantile`.
    :raises ValueError: if shapes do not fit, or no sample has weight.

    Example::

        >>> from pyro.ops.stats import weighed_quantile
        >>> x = torch.tensor([[10.0, 50.0, 40.0], [20.0, 30.0, 0.0]])
        >>> log_weights = torch.tensor([0.4, 0.5, 0.1]).log()
        >>> weighed_quantile(x, [0.2, 0.8], log_weights, dim=-1)
        tensor([[40.4000, 47.6000],
                [ 9.0000, 26.4000]])
    """
    values = _along_last(input, dim)
    if log_weights.shape != values.shape[-1:]:
        raise ValueError(
            f"weighed_quantile: {values.shape[-1]} samples along dim {dim} of shape "
            f"{tuple(input.shape)} need as many weights, but log_weights has shape "
            f"{tuple(log_weights.shape)}"
        )
    counts = log_weights > -torch.inf
    if not bool(counts.any()):
        raise ValueError("weighed_quantile: no sample has weight: all log_weights are -inf")
    ordered, order = values[..., counts].sort(-1)
    weights = log_weights[counts].softmax(-1)[order]
    below = weights.cumsum(-1) - weights[..., :1]
    levels = below / below[..., -1:] if ordered.shape[-1] > 1 else below
    return _interpolate(levels, ordered, probs, dim)


def pi(input: Tensor, prob: float, dim: int = 0) -> Tensor:
    """The interval that leaves out the same number of samples at both ends.

    :param prob: The part of the samples inside.
    :return: As ``input``, with lower and upper end along ``dim``.

    Example::

        >>> from pyro.ops.stats import pi
        >>> pi(torch.arange(101.0), 0.9).round()
        tensor([ 5., 95.])
    """
    return quantile(input, [(1 - prob) / 2, (1 + prob) / 2], dim)


def hpdi(input: Tensor, prob: float, dim: int = 0) -> Tensor:
    """The narrowest interval between samples that holds a part of them ("highest density").

    :param prob: The part of the samples inside.
    :return: As ``input``, with lower and upper end along ``dim``.

    Example::

        >>> from pyro.ops.stats import hpdi
        >>> hpdi(torch.arange(10.0) ** 2, 0.7)
        tensor([ 0., 49.])
    """
    ordered = _along_last(input, dim).sort(-1).values
    gap = min(int(prob * ordered.shape[-1]), ordered.shape[-1] - 1)
    lower, upper = ordered[..., : ordered.shape[-1] - gap], ordered[..., gap:]
    best = (upper - lower).argmin(-1, keepdim=True)
    ends = torch.cat([lower.gather(-1, best), upper.gather(-1, best)], -1)
    return ends.movedim(-1, dim)


def _along_last(input: Tensor, dim: int) -> Tensor:
    return input.movedim(dim, -1)


def _interpolate(levels: Tensor, values: Tensor, probs: Probs, dim: int) -> Tensor:
    """The piecewise linear function through (levels, values), both ascending in the last dim."""
    wanted = torch.as_tensor(probs, dtype=values.dtype, device=values.device)
    points = wanted.reshape(-1).expand(values.shape[:-1] + (-1,)).contiguous()
    upper = torch.searchsorted(levels.contiguous(), points).clamp(max=values.shape[-1] - 1)
    lower = (upper - 1).clamp(min=0)
    below, above = levels.gather(-1, lower), levels.gather(-1, upper)
    part = ((points - below) / (above - below).clamp(min=torch.finfo(values.dtype).tiny)).clamp(
        0, 1
    )
    result = values.gather(-1, lower).lerp(values.gather(-1, upper), part)
    return result.squeeze(-1) if wanted.dim() == 0 else result.movedim(-1, dim)
