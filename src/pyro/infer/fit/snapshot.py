"""Parameters and the state of an optimiser at one moment."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pyro.optim.cohort import State
from pyro.optim.optim import PyroOptim


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
        self._state: dict[str, State] = optim.get_state()

    def is_finite(self) -> bool:
        """Whether all parameters are."""
        return all(bool(value.isfinite().all()) for _, value in self._values)

    def restore(self) -> None:
        """Write the copy back, in place."""
        with torch.no_grad():
            for leaf, value in self._values:
                leaf.copy_(value)
        self._optim.set_state(self._state)
