r"""The evidence of a chain of Gaussian kernels, in O(log T) sequential steps.

Neighbours are combined by halves; what has no partner on its level is absorbed by the state one by
one.  Kernels that are the same at all times are combined once per level, only the vectors grow with
T.  The derivative is worked out by hand (reverse through the same tree), and differentiable again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.ops.batch_last import Matrix, at_times, interleaved, log_abs_det, many
from pyro.ops.gaussian_kernel import (
    Junction,
    Kernel,
    State,
    absorb,
    absorb_vjp,
    combine,
    combine_vjp,
    misfit,
)

_VECTORS = (0, 3, 5)  # among the tensors of a state and a chain


class Level(NamedTuple):
    """Neighbours on one level of the tree, and where they meet."""

    left: Kernel
    right: Kernel
    at: Junction


class Tree(NamedTuple):
    """A chain by halves: its levels, and the blocks that the state runs through, in order of time.

    The first block is the product of all levels; level number ``odd[i]`` has block ``i + 1``
    behind its pairs.  ``varies`` says whether each time has matrices of its own.
    """

    levels: list[Level]
    blocks: list[Kernel]
    odd: list[int]
    varies: bool


class Evidence(NamedTuple):
    r"""The law of the final state, and :math:`-2\log p = \mathrm{misfit} + \mathrm{log\_det}`."""

    state: State
    misfit: Tensor
    log_det: Tensor


def filter_chain(state: State, chain: Kernel) -> Evidence:
    """Run a state through a chain of kernels; differentiable to any order.

    :param state: The initial law, with time of size 1.
    :param chain: T kernels, one behind the other; matrices may be common to all times, to a batch.
    :return: misfit and log det have the shape of the batch; constants of the kernels are left out.
    """
    state, chain = unified(state, chain)
    if torch._C._get_tracing_state():
        tree = grow(chain)
        return _evidence(tree, *climb(state, tree))
    mean, cov, misfit_, log_det = _FilterChain.apply(*state, *chain)  # type: ignore[no-untyped-call]
    return Evidence(State(mean, cov), misfit_, log_det)


def grow(chain: Kernel) -> Tree:
    """The tree over a chain."""
    levels: list[Level] = []
    blocks: list[Kernel] = []
    odd: list[int] = []
    varies = not _is_common(chain.A)
    while (size := chain.b.shape[-1]) > 1:
        if size % 2:
            blocks.append(_each(chain, slice(size - 1, size)))
            odd.append(len(levels))
        left = _each(chain, slice(0, size - 1, 2))
        right = _each(chain, slice(1, size, 2))
        chain, at = combine(left, right)
        levels.append(Level(left, right, at))
    return Tree(levels, [chain, *reversed(blocks)], odd[::-1], varies)


def climb(state: State, tree: Tree) -> tuple[list[State], list[Junction]]:
    """The states before the first block and behind each, and the junctions with the blocks."""
    states, junctions = [state], []
    for block in tree.blocks:
        state, at = absorb(state, block)
        states.append(state)
        junctions.append(at)
    return states, junctions


def _evidence(tree: Tree, states: list[State], junctions: list[Junction]) -> Evidence:
    parts = [misfit(level.left.b, level.right.eta, level.at) for level in tree.levels]
    for state, block, at in zip(states, tree.blocks, junctions, strict=False):
        parts.append(misfit(state.mean, block.eta, at))
    total = torch.stack(parts).sum(0)
    log_det = _log_det([level.at for level in tree.levels] + junctions)
    return Evidence(states[-1], total, log_det.expand(total.shape))


def _log_det(junctions: list[Junction]) -> Tensor:
    """The sum of all log determinants, of shape () or (batch,)."""
    sizes = [at.mu.shape[-1] for at in junctions]
    if isinstance(junctions[0].W, float):
        total = sum(n * math.log(abs(at.W)) for at, n in zip(junctions, sizes, strict=True))
        return junctions[0].mu.new_tensor(total)
    if junctions[0].W.dim() == 2:
        found = torch.linalg.slogdet(torch.stack([at.W for at in junctions]))[1]
        return torch.dot(found, found.new_tensor(sizes))
    every = [log_abs_det(at.W) for at in junctions]
    parts = [x.sum(-1) * (n // x.shape[-1]) for x, n in zip(every, sizes, strict=True)]
    return torch.stack(parts).sum(0)


class _FilterChain(torch.autograd.Function):
    """``filter_chain`` with a derivative of its own."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*tensors)
        ctx.flat = tensors[1].dim() == 2 and tensors[0].shape[1] == 1
        if ctx.flat:
            tensors = _flat(tensors)
        tree = grow(Kernel(*tensors[2:]))
        states, junctions = climb(State(*tensors[:2]), tree)
        found = _evidence(tree, states, junctions)
        ctx.made = tree, states[:-1], junctions
        outputs = (*found.state, found.misfit, found.log_det.clone())
        if ctx.flat:
            mean, cov, *rest = outputs
            return mean[:, None], _as_matrix(cov, mean), rest[0][None], rest[1][None]
        return outputs

    @staticmethod
    def backward(ctx: Any, *bars: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            return _backward_by_autograd(ctx.saved_tensors, bars)
        tree, states, junctions = ctx.made
        if not ctx.flat:
            return _backward(tree, states, junctions, bars)
        mean_bar, cov_bar, misfit_bar, det_bar = bars
        flat: list[Matrix] = [mean_bar[:, 0], cov_bar, misfit_bar[0], det_bar[0]]
        if isinstance(states[0].cov, float):
            flat[1:] = [x.item() for x in flat[1:]]
        grads = _backward(tree, states, junctions, flat)
        return tuple(
            x[:, None] if i in _VECTORS else _as_matrix(x, mean_bar) for i, x in enumerate(grads)
        )


def _backward_by_autograd(
    inputs: tuple[Tensor, ...], bars: tuple[Tensor, ...]
) -> tuple[Tensor | None, ...]:
    """The derivative as a differentiable function of the inputs."""
    wanted = [x for x in inputs if x.requires_grad]
    tree = grow(Kernel(*inputs[2:]))
    found = _evidence(tree, *climb(State(*inputs[:2]), tree))
    outputs = (*found.state, found.misfit, found.log_det)
    grads = iter(
        torch.autograd.grad(
            outputs, wanted, bars, create_graph=True, allow_unused=True, materialize_grads=True
        )
    )
    return tuple(next(grads) if x.requires_grad else None for x in inputs)


def _backward(
    tree: Tree,
    states: list[State],
    junctions: list[Junction],
    bars: Sequence[Matrix],
) -> tuple[Matrix, ...]:
    mean_bar, cov_bar, misfit_bar, det_bar = bars
    if isinstance(misfit_bar, Tensor) and misfit_bar.dim():
        misfit_bar, det_bar = misfit_bar[:, None], _shared_like(det_bar, states[0].cov)
    bar, blocks = State(mean_bar, cov_bar), list[Kernel]()
    for state, block, at in zip(states[::-1], tree.blocks[::-1], junctions[::-1], strict=True):
        bar, from_block = absorb_vjp(state, block, at, bar, misfit_bar, det_bar)
        blocks.append(from_block)
    kernel_bar = blocks.pop()
    at_level = dict(zip(tree.odd, blocks[::-1], strict=True))
    for number in reversed(range(len(tree.levels))):
        level = tree.levels[number]
        shares = 1 if tree.varies else level.at.mu.shape[-1]
        pair = combine_vjp(*level, kernel_bar, misfit_bar, det_bar * shares)
        kernel_bar = _interleaved(*pair, at_level.get(number), tree.varies)
    return *bar, *kernel_bar


def _is_common(a: Matrix) -> bool:
    """Whether a matrix is that of all times."""
    return isinstance(a, float) or a.dim() == 2 or a.shape[-1] == 1


def _flat(tensors: tuple[Tensor, ...]) -> tuple[Matrix, ...]:
    """Without the batch of size 1; matrices of one entry as numbers, which cost least."""
    flat = tuple(x[:, 0] if x.dim() == 3 else x for x in tensors)
    if tensors[1].numel() > 1 or tensors[1].device.type != "cpu":
        return flat
    return tuple(x if i in _VECTORS else x.item() for i, x in enumerate(flat))


def _as_matrix(a: Matrix, like: Tensor) -> Tensor:
    return like.new_full((1, 1), a) if isinstance(a, float) else a


def _shared_like(det_bar: Tensor, cov: Tensor) -> Tensor:
    """The adjoint of the log det, summed over all batch entries that share the matrices."""
    if cov.dim() == 2:
        return det_bar.sum()
    return (det_bar if cov.shape[2] > 1 else det_bar.sum(0, keepdim=True))[:, None]


def _each(kernel: Kernel, part: slice) -> Kernel:
    """The kernels of some times; what is common to all times stays."""
    A, b, C, eta, J = kernel
    if _is_common(A):
        return Kernel(A, b[..., part], C, eta[..., part], J)
    return Kernel(*(at_times(x, part) for x in kernel))


def _interleaved(left: Kernel, right: Kernel, last: Kernel | None, varies: bool) -> Kernel:
    """Adjoints of left and right neighbours in the order of time; of what is common, the sum."""
    tensors = []
    for i in range(5):
        x, y = left[i], right[i]
        if varies or i in (1, 3):
            tensors.append(interleaved(x, y, None if last is None else last[i]))
        else:
            tensors.append(x + y if last is None else x + y + last[i])
    return Kernel(*tensors)


def unified(state: State, chain: Kernel) -> tuple[State, Kernel]:
    """Matrices all common, or all of one batch size and one time size."""
    mean, cov = state
    A, b, C, eta, J = chain
    batch = max(x.shape[1] for x in (mean, b, eta))
    time = max(x.shape[2] for x in (b, eta))
    n = len(b)
    b, eta = b.expand(n, batch, time), eta.expand(n, batch, time)
    mean = mean.expand(n, batch, 1)
    if any(x.dim() == 4 for x in (cov, A, C, J)):
        A, C, J = torch.broadcast_tensors(many(A), many(C), many(J))
        cov = many(cov)
        size = max(A.shape[2], cov.shape[2])
        cov = cov.expand(n, n, size, 1)
        A, C, J = (x.expand(n, n, size, -1) for x in (A, C, J))
    return State(mean, cov), Kernel(A, b, C, eta, J)
