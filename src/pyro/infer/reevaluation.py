"""The loss evaluated several times in one step, for optimisers such as LBFGS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor

from pyro.infer.util import torch_item
from pyro.rng import get_rng_state, set_rng_state


@final
class Reevaluation:
    """Evaluates a loss again with the random numbers of the first time.

    Within a step the loss is so a function of the parameters alone, which is what a line search
    needs; another step has other numbers. Made before the loss is first evaluated.

    Example::

        >>> from pyro.infer.reevaluation import Reevaluation
        >>> x = torch.zeros((), requires_grad=True)
        >>> def evaluate():
        ...     loss = (x - torch.randn(())) ** 2
        ...     loss.backward()
        ...     return loss.item()
        >>> again = Reevaluation()
        >>> closure = again.closure(evaluate(), {"x": x}, evaluate)
        >>> closure() == closure() == closure()
        True
    """

    def __init__(self) -> None:
        self._state = get_rng_state()
        self._on_cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None

    def closure(
        self, first: Any, leaves: Mapping[str, Tensor], evaluate: Callable[[], Any]
    ) -> Callable[[], float]:
        """What torch's optimisers call a closure.

        :param first: The loss as it was first evaluated; the gradients are still there, so the
            first call has nothing to do.
        :param leaves: The parameters, whose gradients each call replaces.
        :param evaluate: Returns the loss, and adds to the gradients.
        """
        known = [first]

        def closure() -> float:
            if known:
                return _total(known.pop())
            self.rewind(leaves)
            return _total(evaluate())

        return closure

    def rewind(self, leaves: Mapping[str, Tensor]) -> None:
        """Forget the gradients, and put the generators back to where they were."""
        for leaf in leaves.values():
            leaf.grad = None
        set_rng_state(self._state)
        if self._on_cuda is not None:
            torch.cuda.set_rng_state_all(self._on_cuda)


def _total(loss: Any) -> float:
    return float(sum(map(torch_item, loss)) if isinstance(loss, tuple) else torch_item(loss))
