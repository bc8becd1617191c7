"""A linear layer some of whose weights are held at zero."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class MaskedLinear(nn.Linear):
    r""":math:`y = (M \odot W) x + b`, with a fixed 0/1 mask :math:`M`.

    :param mask: Shape ``(out_features, in_features)``.
    :raises ValueError: if the mask has another shape.

    Example::

        >>> from pyro.nets import MaskedLinear
        >>> layer = MaskedLinear(2, 2, torch.tensor([[1.0, 0.0], [0.0, 0.0]]), bias=False)
        >>> layer(torch.tensor([0.0, 1.0])).tolist()
        [0.0, 0.0]
    """

    mask: Tensor

    def __init__(
        self, in_features: int, out_features: int, mask: Tensor, bias: bool = True
    ) -> None:
        if mask.shape != (out_features, in_features):
            raise ValueError(
                f"mask must have shape {(out_features, in_features)}, got {tuple(mask.shape)}"
            )
        super().__init__(in_features, out_features, bias)
        self.register_buffer("mask", mask.detach())

    def forward(self, input: Tensor) -> Tensor:
        """Shape ``(..., in_features)`` to ``(..., out_features)``."""
        return F.linear(input, self.mask * self.weight, self.bias)
