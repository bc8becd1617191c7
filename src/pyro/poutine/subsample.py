"""The random subset of a plate's indices, as a distribution."""

from __future__ import annotations

from typing import Any

import torch

from pyro.distributions.distribution import Distribution


class _Subsample(Distribution):
    """A uniform subset of ``range(size)`` drawn without replacement; scores zero.

    A draw has shape ``(subsample_size,)`` and dtype int64. When the subset is not smaller
    than the whole, the draw is ``arange(size)``.
    """

    has_rsample = True

    def __init__(
        self, size: int, subsample_size: int, device: torch.device | str | None = None
    ) -> None:
        self.size = size
        self.subsample_size = subsample_size
        self.device = device

    def sample(self, sample_shape: Any = torch.Size()) -> torch.Tensor:
        """Draw indices; ``sample_shape`` must be empty.

        :raises NotImplementedError: for a non-empty ``sample_shape``.
        """
        if len(sample_shape):
            raise NotImplementedError("a plate draws one subsample: sample_shape must be ()")
        if self.subsample_size >= self.size:
            return torch.arange(self.size, device=self.device)
        return torch.randperm(self.size, device=self.device)[: self.subsample_size].clone()

    rsample = sample

    def log_prob(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Zero: the choice of a subset is not part of the model's density."""
        return torch.zeros((), device=x.device)

    def __repr__(self) -> str:
        return f"Subsample(size: {self.size}, subsample_size: {self.subsample_size})"
