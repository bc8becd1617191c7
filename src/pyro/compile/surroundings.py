"""Tensors that a program reads and has not been given: constants of its code, until they change."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor


@final
class Surroundings:
    """The tensors outside of a program that a run has read, with the versions they had then.

    Torch counts the writes into each tensor, through any of its views. Writes of other libraries
    into the same memory (NumPy) are not counted.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Tensor, int]] = {}

    def note(self, tensor: Tensor, storage: int) -> None:
        """A tensor was read; the first one of a storage counts."""
        if storage not in self._seen and not torch.is_inference(tensor):
            self._seen[storage] = (tensor, tensor._version)  # a detached one would count alone

    def changed(self) -> Tensor | None:
        """A tensor that has been written into since; None if there is none."""
        for tensor, version in self._seen.values():
            if tensor._version != version:
                return tensor
        return None
