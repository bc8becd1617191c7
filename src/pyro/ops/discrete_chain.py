"""Hidden Markov chains with finitely many states: evidence, its gradient, filter and draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.ops.log_matmul_exp import log_matmul_exp, sequential_log_matmul_exp
from pyro.ops.scan import scan_states
from pyro.ops.shapes import broadcast_shape

_BLOCK = 8


def log_evidence(initial: Tensor, transition: Tensor, observed: Tensor) -> Tensor:
    r""":math:`\log \sum_{z_0 \dots z_T} \pi(z_0) \prod_t A_t(z_{t-1}, z_t)\, o_t(z_t)`

    in O(log T) steps.  The gradient is the posterior of states and transitions (Rabiner 1989, *A
    Tutorial on Hidden Markov Models*, section III); it is computed with the value, without a graph.

    Sums are taken in linear space, blocks of steps scaled to a maximum of 1.  As long as all
    scales, and the evidence of each block between its neighbours, are far from underflow, what
    has underflowed has no part in any digit.  Else all is done again in double precision, and if
    that is not enough, in logarithms.

    :param initial: :math:`\log \pi`, normalised, of shape (..., n).
    :param transition: :math:`\log A` with normalised rows, of shape (n, n) or (..., T or 1, n, n).
    :param observed: :math:`\log o`, of shape (..., T or 1, n).  The dims ... broadcast.
    :return: Shape (...).
    """
    inputs = (initial, transition, _expanded(initial, transition, observed))
    wants_gradient = torch.is_grad_enabled() and any(x.requires_grad for x in inputs)
    value, posterior = None, None
    with torch.no_grad():
        for dtype in dict.fromkeys((observed.dtype, torch.double)):
            if value is None:
                value, posterior = _sum_in_linear_space(*inputs, dtype, wants_gradient)
    if value is None:
        value = _sum_in_log_space(*inputs)
    elif posterior is not None:
        value = _Evidence.apply(*inputs, value, *posterior)  # type: ignore[no-untyped-call]
    return value.to(observed.dtype)


def log_filter(initial: Tensor, transition: Tensor, observed: Tensor) -> Tensor:
    """The joint log density of the observations and the last state, of shape (..., n).

    The parameters are those of :func:`log_evidence`.
    """
    observed = _expanded(initial, transition, observed)
    whole = sequential_log_matmul_exp(transition.double() + observed.unsqueeze(-2))
    last = log_matmul_exp(initial.double().unsqueeze(-2), whole)
    return last.squeeze(-2).to(observed.dtype)


def sample_states(initial: Tensor, transition: Tensor, shape: torch.Size, steps: int) -> Tensor:
    """Draws of the states after each step, of shape ``(steps, *shape)``, in O(log T) steps.

    One uniform number for each step, turned into a state by the distribution function of each row
    of the transition, is a random map of the states; the maps are composed by a scan.

    :param initial: As in :func:`log_evidence`; its batch dims broadcast with ``shape``.
    :param transition: The same.
    """
    first = _inverse_cdf(initial, torch.rand(shape, dtype=torch.double, device=initial.device))
    uniform = torch.rand((*shape, steps, 1), dtype=torch.double, device=initial.device)
    maps = _inverse_cdf(transition, uniform).movedim(-2, 0)
    return scan_states(
        lambda x, y: (y[0].gather(-1, x[0]),),
        lambda state, x: x[0].gather(-1, state.unsqueeze(-1)).squeeze(-1),
        (maps,),
        first,
    )


def _inverse_cdf(logits: Tensor, uniform: Tensor) -> Tensor:
    """Indices where uniform numbers fall, one for each row; never one of probability 0."""
    cdf = logits.double().exp().cumsum(-1)
    return (cdf <= uniform.unsqueeze(-1) * cdf[..., -1:]).sum(-1)


def _expanded(initial: Tensor, transition: Tensor, observed: Tensor) -> Tensor:
    """``observed`` expanded to all batch dims and steps."""
    steps = broadcast_shape(transition.shape[:-2], observed.shape[:-1])
    shape = broadcast_shape((*initial.shape[:-1], 1), steps) + observed.shape[-1:]
    return observed if observed.shape == shape else observed.expand(shape)


def _sum_in_log_space(initial: Tensor, transition: Tensor, observed: Tensor) -> Tensor:
    last = log_filter(initial, transition, observed.double())
    return log_matmul_exp(last.unsqueeze(-2), last.new_zeros(last.shape[-1], 1)).squeeze((-2, -1))


class _Posterior(NamedTuple):
    """What the gradient is made of."""

    start: Tensor
    """The posterior of the state before the first step, of shape (..., n)."""
    states: Tensor
    """The posterior of the state at each step, of shape (..., T, n)."""
    transition: Tensor
    """Probabilities, of the shape (n, n) or of all dims of the logarithms."""
    source: Tensor
    target: Tensor
    """``source * transition * target`` is the posterior of the states before and after a step."""


def _sum_in_linear_space(
    initial: Tensor,
    transition: Tensor,
    observed: Tensor,
    dtype: torch.dtype,
    wants_posterior: bool,
) -> tuple[Tensor | None, _Posterior | None]:
    """Log evidence and posterior; (None, None) if too much has underflowed."""
    batch, steps = observed.shape[:-2], observed.shape[-2]
    top = observed.amax(-1, keepdim=True)
    weights = (observed - top).to(dtype).exp()
    means = weights.mean(-1, keepdim=True)
    start = initial.to(dtype).exp().expand(batch + initial.shape[-1:])
    probs = transition.to(dtype).exp()
    probs = probs.view(probs.shape[-2:]) if probs.shape[:-2].numel() == 1 else probs
    matrices, likelihoods = _in_blocks(probs, weights / means)
    levels, scales = _tree(_products(matrices, likelihoods), batch)
    total = (start.unsqueeze(-2) @ levels[-1].reshape(batch + probs.shape[-2:])).sum((-2, -1))
    before, after, checks = _messages(levels, start)
    least = torch.cat([x.flatten() for x in (*checks, scales, total)]).min()
    if not least >= torch.finfo(dtype).tiny ** 0.25:
        return None, None
    logs = torch.cat([scales, means.squeeze(-1), total.unsqueeze(-1)], -1).double().log()
    value = logs.sum(-1) + top.double().sum((-2, -1))
    if not wants_posterior:
        return value, None
    messages = before.view_as(likelihoods[0]), after.view_as(likelihoods[0])
    start, *parts = _inside_blocks(matrices, likelihoods, *messages)
    states, source, target = (x[..., :steps, :] for x in parts)
    return value, _Posterior(start, states, probs, source, target)


def _in_blocks(probs: Tensor, weights: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Transitions and likelihoods for each place in a block; blocks are the last batch dim.

    There are :math:`2^m` blocks.  Steps are added to fill the last ones: they observe nothing, so
    change nothing.
    """
    steps = weights.shape[-2]
    count = 1 << (max(steps - 1, 0) // _BLOCK).bit_length()
    size = -(-steps // count)
    missing = count * size - steps
    if missing:
        filling = weights.new_ones(()).expand(*weights.shape[:-2], missing, weights.shape[-1])
        weights = torch.cat([weights, filling], -2)
    likelihoods = list(weights.unflatten(-2, (count, size)).unbind(-2))
    if probs.dim() == 2 or probs.shape[-3] == 1:
        return [probs] * size, likelihoods
    if missing:
        filling = probs[..., -1:, :, :].expand(*probs.shape[:-3], missing, *probs.shape[-2:])
        probs = torch.cat([probs, filling], -3)
    return list(probs.unflatten(-3, (count, size)).unbind(-3)), likelihoods


def _products(matrices: list[Tensor], weights: list[Tensor]) -> Tensor:
    """The product of transitions and likelihoods over each block."""
    product = matrices[0] * weights[0].unsqueeze(-2)
    for matrix, weight in zip(matrices[1:], weights[1:], strict=True):
        product = (product @ matrix).mul_(weight.unsqueeze(-2))
    return product


def _tree(products: Tensor, batch: torch.Size) -> tuple[list[Tensor], Tensor]:
    """Products of blocks by twos, fours, …, all, with maxima of 1; what they were divided by.

    Batch dims are flattened, and blocks run faster: partners stand side by side.
    """
    levels: list[Tensor] = []
    scales = []
    products = products.flatten(0, -3)
    while True:
        scale = products.amax((-2, -1), keepdim=True)
        levels.append(products / scale)
        scales.append(scale.reshape(*batch, -1))
        if products.shape[0] <= batch.numel():
            return levels, torch.cat(scales, -1)
        products = torch.bmm(levels[-1][0::2], levels[-1][1::2])


def _messages(levels: list[Tensor], start: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Forward messages before each block and backward messages after it, down the tree.

    Both are computed at once: in the second half of each tensor are the backward messages, in
    reverse order and with transposed matrices.  Third, what must not be too small.
    """
    messages = start.reshape(-1, 1, start.shape[-1])
    messages = torch.cat([messages, torch.ones_like(messages)])
    sums = []
    for level in reversed(levels[:-1]):
        moved = torch.bmm(messages, torch.cat([level[0::2], level[1::2].flip(0).mT]))
        sums.append(moved.sum(-1, keepdim=True))
        messages = torch.stack((messages, moved / sums[-1]), 1).flatten(0, 1)
    blocks = levels[0].shape[0]
    before, after = messages[:blocks], messages[blocks:].flip(0)
    return before, after, [*sums, (before[1:] * after[:-1]).sum(-1)]


def _inside_blocks(
    matrices: list[Tensor], weights: list[Tensor], before: Tensor, after: Tensor
) -> list[Tensor]:
    """What ``_Posterior`` has besides the transition, in the order of time."""
    rows, columns, targets = [before], [after], []
    for matrix, weight in zip(matrices, weights, strict=True):
        rows.append(_times(rows[-1], matrix) * weight)
    shared = matrices[0] is matrices[-1]
    transposed = [matrices[0].mT] * len(matrices) if shared else [m.mT for m in matrices]
    for matrix, weight in zip(reversed(transposed), reversed(weights), strict=True):
        targets.append(weight * columns[-1])
        columns.append(_times(targets[-1], matrix))
    share = 1 / (rows[-1] * after).sum(-1, keepdim=True)
    start = (before * share * columns[-1])[..., 0, :]
    share = share.unsqueeze(-2)
    states = torch.stack(rows[1:], -2) * torch.stack(columns[-2::-1], -2) * share
    source = torch.stack(rows[:-1], -2) * share
    target = torch.stack(targets[::-1], -2)
    return [start, *(x.flatten(-3, -2) for x in (states, source, target))]


def _times(row: Tensor, matrix: Tensor) -> Tensor:
    if matrix.dim() == 2:
        return row @ matrix
    return (row.unsqueeze(-2) @ matrix).squeeze(-2)


class _Evidence(torch.autograd.Function):
    """A known value with a known gradient, which can be differentiated in turn."""

    @staticmethod
    def forward(*args: Tensor) -> Tensor:
        return args[3].clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3], *inputs[4:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        inputs = ctx.saved_tensors[:3]
        rest = [None] * (1 + len(_Posterior._fields))
        if torch.is_grad_enabled():
            return (*_differentiable_gradient(inputs, grad), *rest)
        return (*_gradient(inputs, _Posterior(*ctx.saved_tensors[3:]), grad), *rest)


def _gradient(inputs: Sequence[Tensor], posterior: _Posterior, grad: Tensor) -> list[Tensor]:
    """The posterior times ``grad``, summed to the shapes of the inputs."""
    grad = grad.to(posterior.states.dtype).unsqueeze(-1)
    probs, target = posterior.transition, posterior.target
    source = posterior.source * grad.unsqueeze(-1)
    if probs.dim() == 2:
        pairs = source.flatten(0, -2).mT @ target.flatten(0, -2)
    elif probs.shape[-3] == 1:
        pairs = (source.mT @ target).unsqueeze(-3)
    else:
        pairs = source.unsqueeze(-1) * target.unsqueeze(-2)
    moves = pairs.mul_(probs)
    if probs.dim() == 2:
        moves = moves.view(inputs[1].shape)
    exact = (posterior.start * grad, moves, posterior.states * grad.unsqueeze(-1))
    return [g.sum_to_size(x.shape).to(x.dtype) for g, x in zip(exact, inputs, strict=True)]


def _differentiable_gradient(inputs: Sequence[Tensor], grad: Tensor) -> list[Tensor | None]:
    """The gradient with a graph of its own, from the sum in logarithms."""
    wanted = [x for x in inputs if x.requires_grad]
    found = iter(torch.autograd.grad(_sum_in_log_space(*inputs), wanted, grad, create_graph=True))
    return [next(found) if x.requires_grad else None for x in inputs]
