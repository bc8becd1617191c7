"""Permutations of the entries of a vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.distributions.transforms.along_dim import OrthogonalAlongDim


class Permute(OrthogonalAlongDim):
    r""":math:`y_i = x_{\pi(i)}` along one dimension; the log-determinant is zero.

    The inverse permutes back (Kingma et al. 2016, *Improving variational inference with inverse
    autoregressive flow*, section 4, which reverses the order between flows).

    :param permutation: The indices :math:`\pi`, a tensor of integers.
    :param dim: The dimension that is permuted, negative; it and those to its right are the event.
    :raises ValueError: if ``permutation`` is none or ``dim`` is not negative.

    Example::

        >>> t = Permute(torch.tensor([2, 0, 1]))
        >>> t(torch.tensor([10.0, 11.0, 12.0])), t.inv(torch.tensor([12.0, 10.0, 11.0]))
        (tensor([12., 10., 11.]), tensor([10., 11., 12.]))
    """

    def __init__(self, permutation: Tensor, *, dim: int = -1, cache_size: int = 1) -> None:
        super().__init__(dim, cache_size)
        if sorted(permutation.tolist()) != list(range(len(permutation))):
            raise ValueError(f"not a permutation: {permutation.tolist()}")
        self.permutation = permutation
        self.inv_permutation = permutation.argsort()

    def _call(self, x: Tensor) -> Tensor:
        return x.index_select(self.dim, self.permutation.to(x.device))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.index_select(self.dim, self.inv_permutation.to(y.device))


def permute(
    input_dim: int | Sequence[int], permutation: Tensor | None = None, dim: int = -1
) -> Permute:
    """A :class:`Permute`, by default with a random permutation.

    :param input_dim: The length of the permuted dimension; for ``dim < -1`` the event shape.
    """
    sizes = [input_dim] if isinstance(input_dim, int) else list(input_dim)
    if len(sizes) != -dim:
        raise ValueError(f"input_dim must have {-dim} entries for dim={dim}, got {input_dim}")
    return Permute(torch.randperm(sizes[0]) if permutation is None else permutation, dim=dim)
