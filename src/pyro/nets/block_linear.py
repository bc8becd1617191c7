"""Linear layers of block triangular shape, with positive blocks on the diagonal."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MaskedBlockLinear(nn.Module):
    r"""A linear layer, increasing from each group of inputs to its group of outputs.

    :math:`W = \exp(V)` in the blocks on the diagonal, :math:`V` below, zero above; then each row
    is scaled to the length :math:`e^{s}` (De Cao et al. 2019, *Block neural autoregressive flow*,
    section 3.2).

    :param groups: The number of blocks on the diagonal.
    :param in_factor: The inputs of each group.
    :param out_factor: The outputs of each group.

    Example::

        >>> from pyro.nets.block_linear import MaskedBlockLinear
        >>> out, log_slopes = MaskedBlockLinear(3, 2, 4)(torch.zeros(5, 6), torch.zeros(5, 3, 2))
        >>> out.shape, log_slopes.shape
        (torch.Size([5, 12]), torch.Size([5, 3, 4]))
    """

    mask_d: Tensor
    mask_o: Tensor

    def __init__(self, groups: int, in_factor: int, out_factor: int) -> None:
        super().__init__()
        self.groups = groups
        inputs, outputs = groups * in_factor, groups * out_factor
        rows = torch.arange(outputs)[:, None] // out_factor
        columns = torch.arange(inputs) // in_factor
        self.register_buffer("mask_d", (rows == columns).float())
        self.register_buffer("mask_o", (rows > columns).float())
        self._weight = nn.Parameter(torch.empty(outputs, inputs))
        self._diag_weight = nn.Parameter(torch.rand(outputs, 1).log())
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-1, 1) / math.sqrt(outputs))
        nn.init.xavier_uniform_(self._weight)

    def forward(self, x: Tensor, log_slopes: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs, and the log-derivatives of each of a group by the group's variable.

        :param log_slopes: Those of the inputs, of shape ``(..., groups, in_factor)``.
        """
        raw = torch.where(self.mask_d > 0, self._weight.exp(), self._weight * self.mask_o)
        length = torch.linalg.vector_norm(raw, dim=-1, keepdim=True)
        out = F.linear(x, raw * (self._diag_weight.exp() / length), self.bias)
        log_weight = self._weight + self._diag_weight - length.log()
        blocks = log_weight.unflatten(0, (self.groups, -1)).unflatten(-1, (self.groups, -1))
        diagonal = blocks.diagonal(dim1=0, dim2=2).movedim(-1, 0)  # groups, outputs, inputs
        return out, torch.logsumexp(diagonal + log_slopes[..., None, :], -1)
