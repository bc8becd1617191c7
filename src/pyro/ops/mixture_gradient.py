r"""Pathwise gradients of draws from mixtures of normal vectors.

A draw :math:`z` from the density :math:`q` moves with a parameter at a velocity :math:`v` that
solves the transport equation :math:`\partial q + \nabla\cdot(q v) = 0` (Jankowiak and Karaletsos,
2019, *Pathwise Derivatives for Multivariate Distributions*).  With the location or the scale of a
component it moves as a draw of that component would, times the probability that it is one.  When
weight passes from one component to another, mass flows from the one to the other: first each
component shrinks to the smaller of the two scales, coordinate by coordinate, then it travels in a
straight line.  All flows are in closed form, and none leaves the region that the two cover.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_SQRT_HALF = math.sqrt(0.5)
_HALF_SQRT_2PI = 0.5 * math.sqrt(2 * math.pi)
_LARGEST = 80.0  # what is larger is multiplied by zero


def mixture_draws(draws: Tensor, locs: Tensor, scales: Tensor, logits: Tensor) -> Tensor:
    r"""The draws themselves, now with gradients for the parameters.

    :param draws: From the mixture, of shape ``sample_shape + batch_shape + (n,)``.
    :param locs: Of shape ``batch_shape + (k, n)``.
    :param scales: Of shape ``batch_shape + (k, n)``, or ``batch_shape + (1, n)`` if the components
        share them.
    :param logits: Of shape ``batch_shape + (k,)``.
    """
    moved: Tensor = _MixtureDraws.apply(draws, locs, scales, logits)  # type: ignore[no-untyped-call]
    return moved


class _Draws(torch.autograd.Function):
    """The draws themselves; a subclass tells their gradient."""

    @staticmethod
    def forward(draws: Tensor, *parameters: Tensor) -> Tensor:
        return draws.view_as(draws)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)


class _MixtureDraws(_Draws):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Any:
        draws, locs, scales, logits = ctx.saved_tensors
        shape = (-1,) + locs.shape[:-2] + draws.shape[-1:]
        draws, slope = draws.reshape(shape), slope.reshape(shape)
        log_weights = logits.log_softmax(-1)
        white = (draws.unsqueeze(-2) - locs) / scales
        log_parts = -0.5 * white.square().sum(-1) - scales.log().sum(-1)
        log_density = (log_parts + log_weights).logsumexp(-1)
        share = (log_parts + log_weights - log_density.unsqueeze(-1)).exp()
        of_locs = share.unsqueeze(-1) * slope.unsqueeze(-2)
        of_scales = (of_locs * white).sum(0).sum_to_size(scales.shape)
        of_logits = None
        if ctx.needs_input_grad[3]:
            flow = _flow(draws, slope, locs, scales, log_density)
            of_logits = _spread(flow.sum(0), log_weights.exp())
        return None, of_locs.sum(0), of_scales, of_logits


def _pairs(count: int, device: torch.device) -> Tensor:
    """All pairs of different components, of shape ``(2, pairs)``."""
    return torch.triu_indices(count, count, 1, device=device)


def _spread(flow: Tensor, weights: Tensor) -> Tensor:
    """From the flows between pairs, the gradient for the logits of all components."""
    first, second = _pairs(weights.shape[-1], weights.device)
    flow = flow * weights[..., first] * weights[..., second]
    zero = torch.zeros_like(weights)
    return zero.index_add(-1, second, flow).index_add(-1, first, -flow)


def _flow(
    draws: Tensor, slope: Tensor, locs: Tensor, scales: Tensor, log_density: Tensor
) -> Tensor:
    r"""The slope along the flow from the first of each pair to the second, of unit weight.

    Densities lack the factor :math:`(2\pi)^{-n/2}` throughout.

    :return: Of shape ``(samples,) + batch_shape + (pairs,)``.
    """
    first, second = _pairs(locs.shape[-2], locs.device)
    draws, slope, log_density = draws.unsqueeze(-2), slope.unsqueeze(-2), log_density.unsqueeze(-1)
    start, end = draws - locs[..., first, :], draws - locs[..., second, :]
    if scales.shape[-2] == 1:
        return _travel(start, end, slope, scales, log_density)
    start_scale, end_scale = scales[..., first, :], scales[..., second, :]
    scale = torch.minimum(start_scale, end_scale)
    shrink = _shrink(start, slope, start_scale, scale, log_density)
    grow = _shrink(end, slope, end_scale, scale, log_density)
    return shrink + _travel(start, end, slope, scale, log_density) - grow


def _travel(
    start: Tensor, end: Tensor, slope: Tensor, scale: Tensor, log_density: Tensor
) -> Tensor:
    """The flow of a normal density from one place to another on a straight line."""
    way = start - end
    white, direction = start / scale, way / scale
    length = torch.linalg.vector_norm(direction, dim=-1).clamp(min=torch.finfo(way.dtype).tiny)
    along = (white * direction).sum(-1) / length
    low = torch.where(along > 0.5 * length, -along, along - length)  # in the left tail
    across = white - direction * (along / length).unsqueeze(-1)
    log_size = -0.5 * across.square().sum(-1) - scale.log().sum(-1) - log_density
    size = log_size.clamp(max=_LARGEST).exp() * _between(low, low + length)
    return (slope * way).sum(-1) * size / length  # type: ignore[no-any-return]


def _shrink(
    centred: Tensor, slope: Tensor, wide: Tensor, narrow: Tensor, log_density: Tensor
) -> Tensor:
    """The flow of a normal density that becomes narrower, one coordinate after the other."""
    outer, inner = centred / wide, centred / narrow
    log_outer = -0.5 * outer.square() - wide.log()
    log_inner = -0.5 * inner.square() - narrow.log()
    others = (log_inner - log_outer).cumsum(-1) - log_inner  # those before have become narrow
    total = log_outer.sum(-1, keepdim=True) - log_density.unsqueeze(-1)
    size = (others + total).clamp(max=_LARGEST).exp() * _between(-inner.abs(), -outer.abs())
    return -(slope * centred.sign() * size).sum(-1)


def _between(low: Tensor, high: Tensor) -> Tensor:
    r""":math:`\sqrt{2\pi}\,(\Phi(h) - \Phi(l))`, precise in the left tail.

    Where it underflows no draw ever is, or another component has all the mass.
    """
    return _HALF_SQRT_2PI * ((-_SQRT_HALF * high).erfc() - (-_SQRT_HALF * low).erfc())


def scale_mixture_draws(draws: Tensor, scales: Tensor, logits: Tensor) -> Tensor:
    r"""Draws of a mixture of centred spherical normal laws, now with gradients.

    When weight passes from one component to another, mass flows along the radius.

    :param draws: From the mixture, of shape ``sample_shape + batch_shape + (n,)``.
    :param scales: Of shape ``batch_shape + (k,)``.
    :param logits: Of shape ``batch_shape + (k,)``.
    """
    moved: Tensor = _ScaleMixtureDraws.apply(draws, scales, logits)  # type: ignore[no-untyped-call]
    return moved


class _ScaleMixtureDraws(_Draws):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Any:
        draws, scales, logits = ctx.saved_tensors
        n = draws.shape[-1]
        shape = (-1,) + scales.shape[:-1] + (n,)
        draws, slope = draws.reshape(shape), slope.reshape(shape)
        weights = logits.softmax(-1)
        tiny = torch.finfo(draws.dtype).tiny
        half_square = 0.5 * draws.square().sum(-1, keepdim=True).clamp(min=tiny)
        outward = (draws * slope).sum(-1, keepdim=True)
        log_parts = logits.log_softmax(-1) - half_square / scales.square() - n * scales.log()
        log_density = log_parts.logsumexp(-1, keepdim=True)
        of_scales = outward * (log_parts - log_density).exp() / scales
        half = torch.tensor(0.5 * n, dtype=draws.dtype, device=draws.device)
        inside = _mass_inside(half, half_square / scales.square())
        inside = inside - (inside * weights).sum(-1, keepdim=True)
        log_shell = half * half_square.log() + log_density + math.log(2) - half.lgamma()
        of_logits = -weights * (outward * inside / log_shell.exp())
        return None, of_scales.sum(0), of_logits.sum(0)


def _mass_inside(half: Tensor, x: Tensor) -> Tensor:
    """The probabilities of a smaller radius, less one where all are large."""
    large = x.amin(-1) > half
    inside = torch.empty_like(x)
    inside[large] = -torch.special.gammaincc(half, x[large])
    inside[~large] = torch.special.gammainc(half, x[~large])
    return inside
