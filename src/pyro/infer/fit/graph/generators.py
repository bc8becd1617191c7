"""Torch's generators on the devices of a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor


@final
class Generators:
    """The default generators of the CPU and of a device.

    :param device: Where the parameters are.

    Example::

        >>> from pyro.infer.fit.graph.generators import Generators
        >>> generators = Generators(torch.device("cpu"))
        >>> with generators.kept():
        ...     first = torch.rand(())
        >>> torch.equal(first, torch.rand(()))
        True
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device if device.type == "cuda" else None

    def get(self) -> list[Tensor]:
        """Where they are."""
        state = [torch.get_rng_state()]
        if self._device is not None:
            state.append(torch.cuda.get_rng_state(self._device))
        return state

    def set(self, state: Sequence[Tensor]) -> None:
        """Go back to where they were."""
        torch.set_rng_state(state[0])
        if self._device is not None:
            torch.cuda.set_rng_state(state[1], self._device)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is drawn inside leaves no trace."""
        state = self.get()
        try:
            yield
        finally:
            self.set(state)
