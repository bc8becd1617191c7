"""Programs with discrete sites: plates, enumeration, Markov structure.

Each is small enough to be summed by hand, over all assignments of all of its sites.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist

Params = dict[str, Tensor]
PARALLEL = {"enumerate": "parallel"}
EXPANDED = {"enumerate": "parallel", "expand": True}

TABLE = torch.tensor([[0.7, 0.3], [0.2, 0.8]], dtype=torch.float64)
TABLE3 = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]], dtype=torch.float64)
CUBE = torch.tensor([[[0.7, 0.3], [0.4, 0.6]], [[0.9, 0.1], [0.2, 0.8]]], dtype=torch.float64)
LOCS = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
X = torch.tensor([0.3, -1.2, 0.8, 2.0], dtype=torch.float64)


class Case(NamedTuple):
    """A model, and a guide for the sites that the model does not sum over.

    ``params`` are unconstrained; both programs get them as their one argument.
    """

    name: str
    model: Callable[[Params], Any]
    guide: Callable[[Params], Any]
    params: dict[str, Any]
    plates: int

    def leaves(self) -> Params:
        """Fresh parameters."""
        return {
            k: torch.tensor(v, dtype=torch.get_default_dtype(), requires_grad=True)
            for k, v in self.params.items()
        }


CASES: list[Case] = []


def no_guide(p: Params) -> None:
    """All is summed over in the model."""


def case(
    plates: int = 0, guide: Callable[[Params], Any] = no_guide, **params: Any
) -> Callable[[Callable[[Params], Any]], Callable[[Params], Any]]:
    """Put a model into the table, under its own name."""

    def add(model: Callable[[Params], Any]) -> Callable[[Params], Any]:
        CASES.append(Case(model.__name__, model, guide, params or {"a": 0.3}, plates))
        return model

    return add


def bern(name: str, logits: Any, infer: Any = None) -> Tensor:
    return pyro.sample(name, dist.Bernoulli(logits=logits), infer=infer or PARALLEL)  # type: ignore[no-any-return]


def observe(name: str, loc: Any, x: Any) -> None:
    pyro.sample(name, dist.Normal(loc, 1.0), obs=x)
