"""Second derivatives."""

from __future__ import annotations

import torch
from torch import Tensor


def hessian(y: Tensor, xs: Tensor) -> Tensor:
    r"""The Hessian :math:`\partial^2 y / \partial x_i \partial x_j`, where ``y`` was computed.

    :param y: A scalar, computed from ``xs`` with gradients.
    :param xs: A vector of shape ``(n,)``.
    :return: A symmetric matrix of shape ``(n, n)``.

    Example::

        >>> from pyro.ops.hessian import hessian
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> hessian(x[0] ** 2 * x[1], x)
        tensor([[4., 2.],
                [2., 0.]])
    """
    size = xs.numel()
    (gradient,) = torch.autograd.grad(y, xs, create_graph=True, allow_unused=True)
    if gradient is None or not gradient.requires_grad:  # linear, or constant
        return xs.new_zeros(size, size)
    rows = []
    for entry in gradient.reshape(-1):
        (row,) = torch.autograd.grad(entry, xs, retain_graph=True, allow_unused=True)
        rows.append(xs.new_zeros(size) if row is None else row.reshape(-1))
    result = torch.stack(rows)
    return (result + result.mT) / 2
