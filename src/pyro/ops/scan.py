"""Products along a chain by halves: O(log T) sequential steps instead of T."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

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

    Särkkä and García-Fernández (2021), *Temporal Parallelization of Bayesian Smoothers*.

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
