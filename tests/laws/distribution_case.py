"""One row of the table of distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

import pyro.distributions as dist


@dataclass(frozen=True)
class Case:
    """One family at one point of its parameter space.

    ``params`` are those of a single distribution; ``reference`` makes scipy's frozen
    distribution from the same numbers.
    """

    id: str
    family: Any
    params: dict[str, Any]
    reference: Callable[..., Any] | None = None
    event_dims: dict[str, int] = field(default_factory=dict)
    static: tuple[str, ...] = ()
    multivariate_reference: bool = False

    def kwargs(
        self, batch_shape: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
    ) -> dict[str, Any]:
        """Parameters of shape ``batch_shape``, scaled differently in each entry if they may be."""
        result: dict[str, Any] = {}
        factor = torch.linspace(1.0, 1.05, max(1, torch.Size(batch_shape).numel()), dtype=dtype)
        for name, value in self.params.items():
            if name in self.static:
                result[name] = value
                continue
            tensor = torch.as_tensor(value, dtype=dtype)
            dim = self.event_dims.get(name, 0)
            expanded = tensor.expand(torch.Size(batch_shape) + tensor.shape).clone()
            if dim == 0 and name not in ("probs", "total_count", "v", "high"):
                expanded = expanded * factor.reshape(batch_shape)
            result[name] = expanded
        return result

    def build(self, batch_shape: tuple[int, ...] = (), dtype: torch.dtype = torch.float64) -> Any:
        """The distribution itself."""
        return self.family(**self.kwargs(batch_shape, dtype))


def row(id: str, family: str, reference: Any = None, *, static: Any = (), **params: Any) -> Case:
    """A row of the table; a list is the parameter of a family over vectors or matrices."""
    dims: dict[str, int] = {}
    for name, value in params.items():
        if isinstance(value, list):
            dims[name] = 2 if isinstance(value[0], list) else 1
    return Case(id, getattr(dist, family), params, reference, dims, tuple(static))
