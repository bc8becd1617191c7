"""Whether a step in machine code, or as a graph, has the loss and the gradient that torch has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from pyro.compile.verify import difference
from pyro.infer.fit.steps.protocol import Loss

OTHER_GRADIENTS = "a parameter has a gradient in some steps only"


def gradients_of(leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of gradients, by the names of those that have one."""
    return {
        name: leaf.grad.detach().clone() for name, leaf in leaves.items() if leaf.grad is not None
    }


def in_order(
    gradients: Mapping[str, Tensor], leaves: Mapping[str, Tensor], order: Sequence[Tensor]
) -> list[Tensor] | None:
    """The gradients of leaves in a certain order; None if others have one."""
    names = {id(leaf): name for name, leaf in leaves.items()}
    found = [gradients.get(names.get(id(leaf), "")) for leaf in order]
    parts = [part for part in found if part is not None]
    return parts if len(parts) == len(found) == len(gradients) else None


def precision_of(gradients: Iterable[Tensor]) -> torch.dtype:
    """The type that decides how close the loss and the gradient of a step have to be."""
    exact = all(g.dtype is torch.float64 for g in gradients)
    return torch.float64 if exact else torch.float32


def loss_difference(found: Loss, expected: Loss, precision: torch.dtype) -> str | None:
    """How two losses differ beyond rounding, or the first of several; None if they do not.

    >>> loss_difference(1.0, 1.0 + 1e-5, torch.float32) is None
    True
    >>> loss_difference((1.0, 2.0), (1.0, 3.0), torch.float32)
    '2.0 against 3.0'
    """
    return difference(
        torch.tensor(found, dtype=torch.float64).reshape(-1),
        torch.tensor(expected, dtype=precision).reshape(-1),
    )
