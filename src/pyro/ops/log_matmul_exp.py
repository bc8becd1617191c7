"""Products of matrices of nonnegative numbers that are known by their logarithms."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.scan import reduce_chain


def log_matmul_exp(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`\log(e^x e^y)` for matrices, to full precision wherever it is finite.

    Rows of ``x`` and columns of ``y`` are scaled to maxima of 1 and multiplied in linear space.
    The few entries of the product that get too small there, although no zero forces them to, are
    summed in logarithms.  No nan arises from entries ``-inf``, neither in the value nor in its
    first and second derivatives.

    :param x: Shape (..., n, k), entries less than ``inf``.
    :param y: Shape (..., k, m), with batch dims that broadcast with those of ``x``.

    Example::

        >>> from pyro.ops.log_matmul_exp import log_matmul_exp
        >>> x = torch.tensor([[0.0, -500.0], [-500.0, -torch.inf]])
        >>> log_matmul_exp(x, x)
        tensor([[    0.,  -500.],
                [ -500., -1000.]])
    """
    limits = torch.finfo(x.dtype)
    rows = x.detach().amax(-1, keepdim=True).clamp(min=limits.min)
    columns = y.detach().amax(-2, keepdim=True).clamp(min=limits.min)
    product = (x - rows).exp() @ (y - columns).exp()
    large = product >= limits.tiny**0.5  # 1 / product**2 is part of the second derivative
    result = torch.where(large, torch.where(large, product, 1).log() + rows + columns, -torch.inf)
    if large.all():
        return result
    finite = (x > -torch.inf).to(x.dtype) @ (y > -torch.inf).to(x.dtype) > 0
    index = (finite & ~large).nonzero(as_tuple=True)
    if not index[0].numel():
        return result
    batch = result.shape[:-2]
    rows = x.expand(batch + x.shape[-2:])[index[:-1]]
    columns = y.mT.expand(batch + y.mT.shape[-2:])[(*index[:-2], index[-1])]
    return result.index_put(index, (rows + columns).logsumexp(-1))


def sequential_log_matmul_exp(logits: Tensor) -> Tensor:
    """The ordered product of T matrices that are known by their logarithms, in O(log T) steps.

    :param logits: Shape (..., T, n, n).
    :return: Shape (..., n, n).

    Example::

        >>> from pyro.ops.log_matmul_exp import sequential_log_matmul_exp
        >>> sequential_log_matmul_exp(torch.zeros(5, 2, 2)).exp()
        tensor([[16., 16.],
                [16., 16.]])
    """
    return reduce_chain(lambda x, y: (log_matmul_exp(x[0], y[0]),), (logits.movedim(-3, 0),))[0]
