"""Parameters and the state of an optimiser at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from pyro.optim import cohort
from pyro.optim.flat import FlatOptimizer
from pyro.optim.optim import PyroOptim


class State(Protocol):
    """Something to go back to; ``step`` says how many steps had been made."""

    step: int

    def is_finite(self) -> bool:
        """Whether all parameters are."""

    def restore(self) -> None:
        """Write it back, in place."""


class Snapshot:
    """A copy of parameters and of the optimiser's state, to go back to.

    Buffers of modules, such as running statistics, are not in it.

    :param leaves: Unconstrained leaf tensors by name.
    :param optim: The optimiser that updates them.
    :param step: How many steps had been made.

    Example::

        >>> leaf, optim = torch.zeros(2, requires_grad=True), pyro.optim.SGD({"lr": 0.5})
        >>> snapshot = Snapshot({"x": leaf}, optim, 0)
        >>> leaf.sum().backward()
        >>> optim([leaf])
        >>> snapshot.restore()
        >>> leaf.tolist()
        [0.0, 0.0]
    """

    def __init__(self, leaves: Mapping[str, Tensor], optim: PyroOptim, step: int) -> None:
        self.step = step
        self._optim = optim
        self._values = [(leaf, leaf.detach().clone()) for leaf in leaves.values()]
        self._state: dict[str, cohort.State] = optim.get_state()

    def is_finite(self) -> bool:
        """Whether all parameters are."""
        return all(bool(value.isfinite().all()) for _, value in self._values)

    def restore(self) -> None:
        """Write the copy back, in place."""
        with torch.no_grad():
            for leaf, value in self._values:
                leaf.copy_(value)
        self._optim.set_state(self._state)


class FlatSnapshot:
    """The same, of an optimiser on vectors: a few copies, whatever the number of parameters.

    :param leaves: Unconstrained leaf tensors by name.
    :param optim: The optimiser that updates them.
    :param flat: Its vectors.
    :param ahead: How many steps these are ahead of the leaves.
    :param step: How many steps had been made.
    """

    def __init__(
        self,
        leaves: Mapping[str, Tensor],
        optim: PyroOptim,
        flat: FlatOptimizer,
        ahead: int,
        step: int,
    ) -> None:
        self.step = step
        self._optim, self._flat = optim, flat
        moved = set(map(id, flat.leaves))
        self._others = [(x, x.detach().clone()) for x in leaves.values() if id(x) not in moved]
        self._frozen = flat.freeze(ahead)

    def is_finite(self) -> bool:
        """Whether all parameters are."""
        params = (self._frozen.arrays[0], *(value for _, value in self._others))
        return all(bool(value.isfinite().all()) for value in params)

    def restore(self) -> None:
        """Write the copy back, in place."""
        with torch.no_grad():
            for leaf, value in self._others:
                leaf.copy_(value)
        state = self._optim.get_state()
        self._flat.thaw(self._frozen, state)
        self._optim.set_state(state)
