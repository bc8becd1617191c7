"""Semirings: what "sum" and "product" mean in a contraction."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Semiring(Protocol):
    """The two operations of a contraction, and their repetitions."""

    def multiply(self, left: Tensor, right: Tensor) -> Tensor:
        """The product of two factors, which broadcast."""

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum over the last dim."""

    def product(self, tensor: Tensor, dims: int, power: int) -> Tensor:
        """Product over the last ``dims`` dims, raised to a power."""


class LogSumExp:
    """Sums of probabilities that are given by their logarithms; exact, whatever their range."""

    def multiply(self, left: Tensor, right: Tensor) -> Tensor:
        """Log-probabilities add up."""
        return left + right

    def sum(self, tensor: Tensor) -> Tensor:
        """The logarithm of the sum of the exponentials."""
        return tensor.logsumexp(-1)

    def product(self, tensor: Tensor, dims: int, power: int) -> Tensor:
        """The sum over the last dims, times ``power``."""
        if dims:
            tensor = tensor.sum(tuple(range(-dims, 0)))
        return tensor * power if power != 1 else tensor


class MaxSum(LogSumExp):
    """The largest log-probability, in place of the sum."""

    def sum(self, tensor: Tensor) -> Tensor:
        """The maximum; its gradient goes to one maximal entry."""
        return tensor.max(-1).values


class SumProduct:
    """Sums and products of plain numbers."""

    def multiply(self, left: Tensor, right: Tensor) -> Tensor:
        """The product."""
        return left * right

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the last dim."""
        return tensor.sum(-1)

    def product(self, tensor: Tensor, dims: int, power: int) -> Tensor:
        """The product over the last dims, to a power."""
        for _ in range(dims):
            tensor = torch.prod(tensor, -1)
        return tensor**power if power != 1 else tensor
