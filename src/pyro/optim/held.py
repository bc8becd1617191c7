"""A torch optimiser that exists already, in the place of a constructor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from torch.optim import Optimizer

from pyro.errors import SiteError
from pyro.optim.cohort import Cohort, Member, load_states


@final
class Held:
    """An optimiser of the user's, to which parameters that it lacks are added.

    :param optimizer: The optimiser. Its parameter groups are used as they are.

    Example::

        >>> from pyro.optim import PyroOptim
        >>> from pyro.optim.held import Held
        >>> x, late = (torch.zeros((), requires_grad=True) for _ in range(2))
        >>> optimizer = torch.optim.SGD([x], lr=0.5)
        >>> update = PyroOptim(Held(optimizer), {})
        >>> (x + late).backward()
        >>> update([x, late])
        >>> x.item(), late.item(), len(optimizer.param_groups)
        (-0.5, -0.5, 2)
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def __call__(self, *args: Any, **kwargs: Any) -> Optimizer:
        raise SiteError("this optimiser exists already; it takes no arguments")

    def cohort(self, known: Sequence[Member], new: Sequence[Member]) -> Cohort:
        """All parameters seen so far; those it lacks become a group, saved states are loaded."""
        mine = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        missing = [member.param for member in new if id(member.param) not in mine]
        if missing:
            self.optimizer.add_param_group({"params": missing})
        load_states(self.optimizer, new)
        return Cohort(self.optimizer, [*known, *new])
