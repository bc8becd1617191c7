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

    The names are those of the statements, dots included. A state dict may bring parameters before
    the statements are first run: they are what the statements then start from.
    """

    def __init__(self) -> None:
        super().__init__()
        self.constraints: dict[str, constraints.Constraint] = {}

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Within the block, ``pyro.param`` statements of this thread read and declare these."""
        leaves: dict[str, Any] = {name: self._parameters[name] for name in self.constraints}
        state: StoreState = {"params": leaves, "constraints": self.constraints}
        try:
            with PARAM_STORE.scope(state, self._new_leaf):
                yield
        finally:
            self._parameters.update(state["params"])  # type: ignore[arg-type]
            self.constraints = state["constraints"]

    def _new_leaf(self, name: str, leaf: Tensor) -> Tensor:
        loaded = self._parameters.get(name)
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
            name = key[len(prefix) :]
            if key.startswith(prefix) and name not in self._parameters:
                self._parameters[name] = nn.Parameter(torch.empty_like(value))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
