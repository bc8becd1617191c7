"""Draws that are discrete forward and relaxed backward."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

# From each quantised draw to the relaxed one it was made of, for as long as the former lives.
_RELAXED = WeakTensorKeyDictionary()


def quantized(relaxed: Tensor, hard: Tensor) -> Tensor:
    """``hard`` with the gradient of ``relaxed``; :func:`relaxed_of` finds the latter again.

    Bengio, Leonard and Courville (2013), *Estimating or Propagating Gradients Through Stochastic
    Neurons for Conditional Computation*.
    """
    value = hard.detach() + (relaxed - relaxed.detach())
    _RELAXED[value] = relaxed
    return value


def relaxed_of(distribution: Any, value: Tensor) -> Tensor:
    """The relaxed draw behind a quantised one; a relaxed value itself.

    :raises ValueError: if the value is quantised but not, as it is, a draw of ``rsample``.
    """
    relaxed: Tensor | None = _RELAXED.get(value)
    if relaxed is not None:
        return relaxed
    if distribution._validate_args and value.numel() and ((value == 0) | (value == 1)).all():
        raise ValueError(
            f"{type(distribution).__name__} scores the relaxed draw behind a quantised one, but "
            f"this value of shape {tuple(value.shape)} is not one that rsample returned: score "
            "draws as they are, or discrete data by Bernoulli or OneHotCategorical"
        )
    return value
