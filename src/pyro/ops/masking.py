"""Scaling and masking of log densities."""

from __future__ import annotations

import torch
from torch import Tensor


def scale_and_mask(
    tensor: Tensor | float, scale: float | Tensor = 1.0, mask: bool | Tensor | None = None
) -> Tensor | float:
    r"""``where(mask, scale * tensor, 0)``: entries under the mask are exactly zero, nan or not.

    :param tensor: A tensor or the number zero (which is returned as it is).
    :param scale: A positive number or a tensor that broadcasts with ``tensor``.
    :param mask: None, a bool, or a bool tensor that broadcasts with ``tensor``.
    :return: ``tensor`` itself when there is nothing to do.
    """
    if mask is None or mask is True:
        return tensor if isinstance(scale, (int, float)) and scale == 1 else tensor * scale
    if not isinstance(tensor, Tensor):
        return tensor if tensor == 0 else scale_and_mask(torch.tensor(tensor), scale, mask)
    if mask is False:
        return torch.zeros_like(tensor)
    if not (isinstance(scale, (int, float)) and scale == 1):
        tensor = tensor * scale
    return torch.where(mask, tensor, tensor.new_zeros(()))
