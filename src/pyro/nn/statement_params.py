"""The parameters of ``pyro.param`` statements in calls of a module that keeps its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import constraints

from pyro.errors import ParamConstraintError
from pyro.params.param_store import PARAM_STORE, StoreState


class StatementParams(nn.Module):
    """A small parameter store that is part of a module: its state, its device, its copies.

    The names are those of the statements, with each dot written ``%2E``. A state dict may bring
    parameters before the statements are first run: they are what the statements then start from.
    """

    def __init__(self) -> None:
        super().__init__()
        self.constraints: dict[str, constraints.Constraint] = {}

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Within the block, ``pyro.param`` statements of this thread read and declare these."""
        leaves: dict[str, Any] = {n: self._parameters[_key(n)] for n in self.constraints}
        state: StoreState = {"params": leaves, "constraints": self.constraints}
        try:
            with PARAM_STORE.scope(state, self._new_leaf):
                yield
        finally:
            for name, leaf in state["params"].items():
                self._parameters[_key(name)] = leaf  # type: ignore[assignment]
            self.constraints = state["constraints"]

    def _new_leaf(self, name: str, leaf: Tensor) -> Tensor:
        loaded = self._parameters.get(_key(name))
        if loaded is None:
            return nn.Parameter(leaf.detach())
        if loaded.shape != leaf.shape:
            raise ParamConstraintError(
                f"param {name!r}: a loaded state has (unconstrained) shape {tuple(loaded.shape)}, "
                f"but the statement declares {tuple(leaf.shape)}"
            )
        return loaded

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for key, value in state_dict.items():
            own = key[len(prefix) :]
            if key.startswith(prefix) and own not in self._parameters:
                self._parameters[own] = nn.Parameter(torch.empty_like(value))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _key(name: str) -> str:
    """What a module can call a parameter: a name without dots."""
    return name.replace("%", "%25").replace(".", "%2E")
