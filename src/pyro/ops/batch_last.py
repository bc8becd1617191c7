"""Linear algebra of many small matrices whose entries stand in front.

A matrix has the shape ``(n, m)`` where it is common to all, or ``(n, m, batch, time)`` with sizes 1
where it is common to a batch or to all times; a vector has the shape ``(n, batch, time)``, or
``(n, time)`` where there is no batch and all matrices are common.  An entry of all matrices is then
one contiguous stretch of memory, and a product of small matrices is a few multiplications of such
stretches.  A matrix of one entry that is common to all may also be a Python number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

_SMALL = 6  # up to this size products are made of elementwise ones
_FEW = 500  # up to so many matrices the number of calls decides, beyond it the memory


Matrix: TypeAlias = Any
"""A tensor or a number; see the module."""


def transpose(a: Matrix) -> Matrix:
    """Rows and columns exchanged."""
    return a if isinstance(a, float) else a.transpose(0, 1)


def many(a: Tensor) -> Tensor:
    """A matrix common to all as one with batch and time of size 1."""
    return a[:, :, None, None] if a.dim() == 2 else a


def add_identity(a: Matrix, sign: int = 1) -> Matrix:
    """``I + a`` or ``I - a``."""
    if isinstance(a, float):
        return 1 + sign * a
    a = a.clone() if sign > 0 else -a
    a.diagonal(dim1=0, dim2=1).add_(1)
    return a


def plus(a: Tensor, b: Tensor) -> Tensor:
    """The sum of two matrices."""
    return a + b if a.dim() == b.dim() else many(a) + many(b)


def matmul(a: Matrix, b: Matrix) -> Matrix:
    """The matrix product."""
    if isinstance(a, float):
        return a * b
    if a.dim() == 2 and b.dim() == 2:
        return torch.mm(a, b)
    a, b = many(a), many(b)
    if max(*a.shape[:2], b.shape[1]) > _SMALL:
        return entries_first(_packed(a) @ _packed(b))
    if torch.is_grad_enabled() and not torch._C._get_tracing_state():
        return _SmallMatmul.apply(a, b)  # type: ignore[no-untyped-call]
    return _small_matmul(a, b)


def _packed(a: Tensor) -> Tensor:
    """Matrices as torch stacks them, each in one piece of memory, maybe transposed."""
    a = entries_last(a)
    return a if 1 in a.stride()[-2:] else a.contiguous()


def _small_matmul(a: Tensor, b: Tensor) -> Tensor:
    if a.shape[1] == 1:
        return a * b
    if max(a[0, 0].numel(), b[0, 0].numel()) <= _FEW:
        return (a[:, :, None] * b[None]).sum(1)
    product = a[:, 0, None] * b[None, 0]
    for k in range(1, a.shape[1]):
        product.addcmul_(a[:, k, None], b[None, k])
    return product


class _SmallMatmul(torch.autograd.Function):
    """The product of small matrices, whose derivative is made of such products too."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return _small_matmul(a, b)

    @staticmethod
    def backward(ctx: Any, bar: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        of_a, of_b = ctx.needs_input_grad
        return (
            matmul(bar, transpose(b)).sum_to_size(a.shape) if of_a else None,
            matmul(transpose(a), bar).sum_to_size(b.shape) if of_b else None,
        )


def matvec(a: Matrix, x: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    if isinstance(a, float):
        return x * a
    if x.dim() == 2:
        return torch.mm(a, x)
    if a.dim() == 2:
        return torch.mm(a, x.reshape(x.shape[0], -1)).reshape((-1,) + x.shape[1:])
    product: Tensor = (a * x).sum(1)
    return product


def congruence(a: Matrix, s: Matrix) -> Matrix:
    """``a s a'``."""
    return matmul(matmul(a, s), transpose(a))


def add_matmul(c: Matrix, a: Matrix, b: Matrix, scale: float = 1.0) -> Matrix:
    """``c + scale a b``."""
    if isinstance(a, float):
        return c + scale * a * b
    if a.dim() == 2 and b.dim() == 2 and c.dim() == 2:
        return torch.addmm(c, a, b, alpha=scale)
    return torch.add(many(c), matmul(a, b), alpha=scale)


def add_matvec(y: Tensor, a: Matrix, x: Tensor, scale: float = 1.0) -> Tensor:
    """``y + scale a x``."""
    if isinstance(a, float):
        return torch.add(y, x, alpha=scale * a)
    if x.dim() == 2:
        return torch.addmm(y, a, x, alpha=scale)
    return torch.add(y, matvec(a, x), alpha=scale)


def subtract(y: Tensor, x: Tensor, scale: Matrix) -> Tensor:
    """``y - scale x`` for a number, or one per vector."""
    if isinstance(scale, float):
        return torch.sub(y, x, alpha=scale)
    return torch.addcmul(y, x, scale, value=-1)


def add_outer(a: Matrix, x: Tensor, y: Tensor, scale: float = 1.0) -> Matrix:
    """``a`` plus ``scale`` times the sum of ``x y'`` over all that share ``a``."""
    if isinstance(a, float):
        return a + scale * torch.mm(x, y.t()).item()
    if x.dim() == 2:
        return torch.addmm(a, x, y.t(), alpha=scale)
    if a.dim() == 2:
        x, y = x.reshape(x.shape[0], -1), y.reshape(y.shape[0], -1)
        return torch.addmm(a, x, y.t(), alpha=scale)
    product = x[:, None] * y[None]
    for dim in (2, 3):
        if a.shape[dim] == 1 < product.shape[dim]:
            product = product.sum(dim, keepdim=True)
    return torch.add(a, product, alpha=scale)


def inverse(a: Matrix) -> Matrix:
    """The inverse of any regular matrix."""
    if isinstance(a, float):
        return 1 / a
    if a.shape[0] == 1:
        return a.reciprocal()
    if a.dim() == 2:
        flat: Tensor = torch.linalg.inv_ex(a).inverse
        return flat
    return in_front(torch.linalg.inv_ex(entries_last(a)).inverse)


def log_abs_det(a: Tensor) -> Tensor:
    """The logarithm of the determinant's modulus, of shape ``()`` or ``(batch, time)``."""
    if a.shape[0] == 1:
        return a[0, 0].abs().log()
    log_det: Tensor = torch.linalg.slogdet(entries_last(a)).logabsdet
    return log_det


def cholesky(a: Tensor) -> Tensor:
    """The lower factor of a covariance matrix, which may be singular up to rounding."""
    a = entries_last(a)
    jitter = 8 * a.shape[-1] * torch.finfo(a.dtype).eps * a.diagonal(dim1=-2, dim2=-1)
    smallest = torch.finfo(a.dtype).tiny ** 0.5
    factor = torch.linalg.cholesky_ex(a + (jitter + smallest).diag_embed())[0]
    return entries_first(factor)


def entries_last(a: Tensor) -> Tensor:
    """The same matrices as torch stacks them: ``(batch, time, n, m)``."""
    return a if a.dim() == 2 else a.permute(2, 3, 0, 1)


def entries_first(a: Tensor) -> Tensor:
    """The opposite of :func:`entries_last`."""
    return a if a.dim() == 2 else a.permute(2, 3, 0, 1)


def solve_covariance(a: Tensor, b: Tensor) -> Tensor:
    """``inv(a) b`` for a covariance matrix ``a``, which may be singular up to rounding."""
    factor = entries_last(many(cholesky(a)))
    return entries_first(torch.cholesky_solve(entries_last(many(b)), factor))


def in_front(a: Tensor) -> Tensor:
    """Matrices as torch stacks them with their entries in front; in memory too, if small."""
    moved = entries_first(a)
    return moved if a.dim() == 2 or max(a.shape[-2:]) > _SMALL else moved.contiguous()


def at_times(x: Tensor, times: slice) -> Tensor:
    """The entries of some times, packed if they are small enough to be taken one by one."""
    part = x[..., times]
    return part if len(x) > _SMALL else part.contiguous()


def interleaved(x: Tensor, y: Tensor, last: Tensor | None) -> Tensor:
    """Entries of both in turn of time, and one more; in the order of memory that suits them."""
    if len(x) <= _SMALL:
        both = torch.stack([x, y], -1).flatten(-2)
        return both if last is None else torch.cat([both, last], -1)
    order = (2, 3, 0, 1) if x.dim() == 4 else (*range(1, x.dim()), 0)
    back = (2, 3, 0, 1) if x.dim() == 4 else (x.dim() - 1, *range(x.dim() - 1))
    time = x.dim() - (3 if x.dim() == 4 else 2)
    both = torch.stack([x.permute(order), y.permute(order)], time + 1).flatten(time, time + 1)
    if last is not None:
        both = torch.cat([both, last.permute(order)], time)
    return both.permute(back)


def stacked(x: Tensor, batch_shape: Sequence[int], event_dim: int, dtype: torch.dtype) -> Tensor:
    """A tensor of shape ``(batch..., time, entries...)`` with the entries in front.

    Sizes along which ``x`` is expanded become 1, and so does a batch to which all is common.

    :param batch_shape: The whole batch, to which that of ``x`` broadcasts.
    :param event_dim: 1 for vectors, 2 for matrices.
    """
    for dim in range(x.dim() - event_dim):
        if x.stride(dim) == 0 and x.shape[dim] > 1:
            x = x.narrow(dim, 0, 1)
    cut = x.dim() - event_dim - 1
    batch, time, event = (
        x.shape[: max(cut, 0)],
        x.shape[max(cut, 0) : -event_dim],
        x.shape[cut + 1 :],
    )
    if any(size > 1 for size in batch):
        x = x.expand(torch.Size(batch_shape) + time + event)
    x = x.reshape((-1, *(time or (1,)), *event)).to(dtype)
    if event_dim == 1:
        return x.permute(2, 0, 1)
    return x[0, 0] if x.shape[:2] == (1, 1) else in_front(x)


def unstacked(x: Tensor, batch_shape: Sequence[int]) -> Tensor:
    """Vectors ``(n, batch, time)`` in the shape ``(batch..., time, n)``."""
    n, _, time = x.shape
    return x.permute(1, 2, 0).reshape((*batch_shape, time, n))


def unstacked_matrices(x: Tensor, batch_shape: Sequence[int]) -> Tensor:
    """Matrices in the shape ``(batch..., time, n, m)``; without batch if it is common to all."""
    x = entries_last(many(x))
    return x[0] if len(x) == 1 else x.reshape((*batch_shape, *x.shape[1:]))
