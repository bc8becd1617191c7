"""Supports of distributions that are made of several distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.feasible import feasible_point


class _Combined(tc.Constraint):
    """What constraints of several parts share."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = tuple(parts)
        self.event_dim = self.parts[0].event_dim
        self.is_discrete = all(part.is_discrete for part in self.parts)


class Union(_Combined):
    """Values that satisfy at least one of several constraints."""

    def check(self, value: Tensor) -> Tensor:
        """Whether some part holds."""
        holds = self.parts[0].check(value)
        for part in self.parts[1:]:
            holds = holds | part.check(value)
        return holds  # type: ignore[no-any-return]

    def feasible_point(self, like: Tensor) -> Tensor | None:
        """A point of the first part."""
        return feasible_point(self.parts[0], like)


class Chosen(_Combined):
    """Values that satisfy the first constraint where a mask is False, the second elsewhere."""

    def __init__(self, mask: Tensor, parts: Sequence[Any]) -> None:
        self.mask = mask
        super().__init__(parts)

    def check(self, value: Tensor) -> Tensor:
        """Whether the part that the mask chooses holds."""
        return torch.where(self.mask, self.parts[1].check(value), self.parts[0].check(value))

    def feasible_point(self, like: Tensor) -> Tensor | None:
        """A point of the chosen part."""
        points = [feasible_point(part, like) for part in self.parts]
        if points[0] is None or points[1] is None:
            return None
        mask = self.mask.reshape(self.mask.shape + (1,) * self.event_dim)
        return torch.where(mask, points[1], points[0])


class WithAtoms(tc.Constraint):
    """Numbers that satisfy a constraint, or are one of finitely many atoms.

    There is no bijection onto it: a law with a density and atoms is no target for gradient-based
    samplers, which would never visit the atoms.
    """

    def __init__(self, base: Any, atoms: tuple[float, ...]) -> None:
        self.base = base
        self.atoms = atoms
        self.is_discrete = base.is_discrete

    def check(self, value: Tensor) -> Tensor:
        """Whether the value is an atom or satisfies the constraint."""
        holds = self.base.check(value)
        for atom in self.atoms:
            holds = holds | (value == atom)
        return holds  # type: ignore[no-any-return]

    def feasible_point(self, like: Tensor) -> Tensor:
        """The first atom."""
        return torch.as_tensor(self.atoms[0], dtype=like.dtype, device=like.device)


def same_support(first: Any, second: Any) -> bool:
    """Whether two constraints are equal, bounds included."""
    if first is second:
        return True
    if type(first) is not type(second) or first.__dict__.keys() != second.__dict__.keys():
        return False
    return all(_same(value, second.__dict__[name]) for name, value in first.__dict__.items())


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, tc.Constraint):
        return same_support(first, second)
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        return torch.equal(torch.as_tensor(first), torch.as_tensor(second))
    return bool(first == second)


def union_support(supports: Sequence[Any]) -> Any:
    """The union of constraints: the common one, the real line if it is among them, or a new one."""
    first = supports[0]
    if all(same_support(first, other) for other in supports[1:]):
        return first
    if any(support is tc.real for support in supports):
        return tc.real
    return Union(supports)


def log_prob_inside(distribution: Any, value: Tensor) -> Tensor:
    """The log density of a value that may lie outside of the support, where it is ``-inf``.

    No gradient of a value outside is evaluated.
    """
    inside = distribution.support.check(value)
    point = feasible_point(distribution.support, value)
    if point is not None:
        keep = inside.reshape(inside.shape + (1,) * distribution.event_dim)
        value = torch.where(keep, value, point)
    return torch.where(inside, distribution.log_prob(value), -torch.inf)
