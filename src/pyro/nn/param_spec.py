"""The constraint of a module's parameter, and its value."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor
from torch.distributions import Transform, constraints, transform_to

from pyro.params.entry import LeafRef

Constraint = constraints.Constraint


class ParamSpec:
    """How the value of a parameter is made from its unconstrained leaf.

    :param constraint: The constraint of the value.
    :param event_dim: How many rightmost dims are no plate's; None: the parameter is never indexed.
    """

    __slots__ = ("constraint", "event_dim", "transform")

    def __init__(self, constraint: Constraint, event_dim: int | None = None) -> None:
        self.constraint = constraint
        self.event_dim = event_dim
        self.transform = cast(Transform, transform_to(constraint))

    def value(self, leaf: Tensor) -> Tensor:
        """The constrained value; its ``unconstrained()`` is the leaf."""
        value: Tensor = self.transform(leaf)
        if value is not leaf:
            value.unconstrained = LeafRef(leaf)  # type: ignore[attr-defined]
            return value
        reference: Any = getattr(leaf, "unconstrained", None)
        if reference is None or reference() is not leaf:  # new, copied, or loaded
            leaf.unconstrained = LeafRef(leaf)  # type: ignore[attr-defined]
        return leaf

    def __reduce__(self) -> tuple[Any, ...]:
        return ParamSpec, (self.constraint, self.event_dim)


PLAIN = ParamSpec(constraints.real)
