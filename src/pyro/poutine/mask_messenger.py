"""Switch log-probabilities off, element by element."""

from __future__ import annotations

import torch

from pyro.errors import HandlerError
from pyro.poutine.messenger import Messenger
from pyro.runtime import Message


class MaskMessenger(Messenger):
    """Set the log-probability of masked-out elements to zero; values and shapes do not change.

    Nested masks are and-ed. The Python value ``False`` tells that no density is needed at all.

    :param mask: A bool, or a bool tensor that broadcasts with the sites' batch shapes.
    :raises HandlerError: if the mask is of another type.

    Example::

        >>> def model(x, is_missing):
        ...     with pyro.plate("data", 3), poutine.mask(mask=~is_missing):
        ...         pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)
        >>> missing = torch.tensor([False, True, False])
        >>> trace = poutine.trace(model).get_trace(torch.ones(3), missing)
        >>> trace.compute_log_prob()
        >>> trace.nodes["x"]["log_prob"]
        tensor([-1.4189,  0.0000, -1.4189])
    """

    def __init__(self, mask: bool | torch.Tensor) -> None:
        if isinstance(mask, torch.Tensor):
            if mask.dtype != torch.bool:
                raise HandlerError(f"mask must be a BoolTensor, but its dtype is {mask.dtype}")
        elif not isinstance(mask, bool):
            raise HandlerError(f"mask must be a bool or a BoolTensor, but got {mask!r}")
        self.mask = mask

    def _process_message(self, msg: Message) -> None:
        msg["mask"] = self.mask if msg["mask"] is None else msg["mask"] & self.mask
