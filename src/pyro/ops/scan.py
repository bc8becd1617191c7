"""Products along a chain by halves: O(log T) sequential steps instead of T.

Särkkä and García-Fernández (2021), *Temporal Parallelization of Bayesian Smoothers*.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pyro.ops.shapes import broadcast_shape

Element = tuple[Tensor, ...]


def halve(combine: Callable[[Element, Element], Element], elements: Element) -> Element:
    """One step: neighbours (0, 1), (2, 3), … are combined; a last one without a partner stays.

    :param combine: An associative operation, applied to all pairs at once.
    :param elements: Tensors whose dim 0 is time, of size T; the result has size ceil(T / 2).
    """
    size = elements[0].shape[0]
    even = size - size % 2
    left = tuple(x[0:even:2] for x in elements)
    right = tuple(x[1:even:2] for x in elements)
    halved = combine(left, right)
    if even == size:
        return halved
    return tuple(torch.cat([h, x[even:]]) for h, x in zip(halved, elements, strict=True))


def reduce_chain(combine: Callable[[Element, Element], Element], elements: Element) -> Element:
    """The ordered product of all elements along time, in ceil(log2 T) steps.

    :param combine: An associative operation on tuples of tensors, applied to many pairs at once.
    :param elements: Tensors whose dim 0 is time, of size T ≥ 1; the results lack that dim.

    Example::

        >>> from pyro.ops.scan import reduce_chain
        >>> matrices = torch.tensor([[[1.0, k], [0.0, 1.0]] for k in range(5)])
        >>> reduce_chain(lambda a, b: (a[0] @ b[0],), (matrices,))[0]
        tensor([[ 1., 10.],
                [ 0.,  1.]])
    """
    while elements[0].shape[0] > 1:
        elements = halve(combine, elements)
    return tuple(x.squeeze(0) for x in elements)


def chain_levels(
    combine: Callable[[Element, Element], Element], elements: Element
) -> list[Element]:
    """The tree of products: the elements, their products by twos, by fours, …, of all.

    :param combine: As in :func:`reduce_chain`.
    :param elements: Tensors whose dim 0 is time, of size T ≥ 1.
    :return: ceil(log2 T) + 1 levels, the last of size 1.
    """
    levels = [elements]
    while levels[-1][0].shape[0] > 1:
        levels.append(halve(combine, levels[-1]))
    return levels


def interleave(even: Tensor, odd: Tensor) -> Tensor:
    """The entries (of dim 0) of one and the other in turn; ``even`` may have one more."""
    size = odd.shape[0]
    paired = torch.stack((even[:size], odd), 1).flatten(0, 1)
    return paired if even.shape[0] == size else torch.cat([paired, even[size:]])


def scan_states(
    combine: Callable[[Element, Element], Element],
    act: Callable[[Tensor, Element], Tensor],
    elements: Element,
    start: Tensor,
) -> Tensor:
    """The states ``act(start, e1)``, ``act(start, e1 e2)``, …, in 2 ceil(log2 T) steps.

    Up the tree of products only, and then down with states alone: products of T elements and
    2 T actions in all.

    :param combine: An associative operation, as in :func:`reduce_chain`.
    :param act: What elements do to states: ``act(act(s, a), b) = act(s, combine(a, b))``.
    :param elements: Tensors whose dim 0 is time, of size T ≥ 1.
    :param start: The state before the first element, without a time dim.
    :return: The states after each element, time in dim 0.

    Example::

        >>> from pyro.ops.scan import scan_states
        >>> steps = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
        >>> add = lambda a, b: (a[0] + b[0],)
        >>> scan_states(add, lambda s, a: s + a[0], (steps,), torch.tensor(10.0))
        tensor([11., 13., 16., 20., 25.])
    """
    before = start.unsqueeze(0)
    for level in reversed(chain_levels(combine, elements)[:-1]):
        pairs = level[0].shape[0] // 2
        middle = act(before[:pairs], tuple(x[0 : 2 * pairs : 2] for x in level))
        before = interleave(before, middle)
    return act(before, elements)


def affine_recursion(first: Tensor, matrix: Tensor, noise: Tensor) -> Tensor:
    """The states :math:`x_t = x_{t-1} A_t + w_t` for t from 1 to T, in O(log T) steps.

    A common matrix is squared from step to step (Hillis and Steele 1986, *Data Parallel
    Algorithms*); others are multiplied in a tree.

    :param first: The state before the first step, of shape (..., 1, n).
    :param matrix: :math:`A`, of shape (..., n, n): common to all steps, or with T or 1 at dim -3.
    :param noise: :math:`w`, of shape (..., T, n).
    """
    if matrix.dim() == 2:
        matrix = matrix[None]
    if matrix.shape[-3] == 1:
        return _common_recursion(first, matrix, noise)
    batch = broadcast_shape(first.shape[:-2], matrix.shape[:-3], noise.shape[:-2])
    matrix = matrix[(None,) * (len(batch) + 3 - matrix.dim())].movedim(-3, 0)
    noise = noise.expand(*batch, -1, -1).movedim(-2, 0)
    start = first.squeeze(-2).expand(*batch, -1)
    return scan_states(_compose, _move, (matrix, noise), start).movedim(0, -2)


def _common_recursion(first: Tensor, matrix: Tensor, noise: Tensor) -> Tensor:
    shift = 1
    x = torch.cat([noise[..., :1, :] + _rows(first, matrix), noise[..., 1:, :]], -2)
    while shift < noise.shape[-2]:
        moved = _rows(x[..., :-shift, :], matrix)
        x = torch.cat([x[..., :shift, :], x[..., shift:, :] + moved], -2)
        matrix = matrix @ matrix
        shift *= 2
    return x


def _rows(x: Tensor, matrix: Tensor) -> Tensor:
    if matrix.dim() == 3 and matrix.shape[0] == 1:
        return x @ matrix[0]
    return (x.unsqueeze(-2) @ matrix).squeeze(-2)


def _compose(first: Element, second: Element) -> Element:
    return first[0] @ second[0], _move(first[1], second)


def _move(state: Tensor, step: Element) -> Tensor:
    return _rows(state, step[0]) + step[1]
