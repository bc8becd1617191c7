"""Multiply log-probabilities."""

from __future__ import annotations

import torch

from pyro.errors import HandlerError
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_scoring import is_validation_enabled
from pyro.runtime import Message


class ScaleMessenger(Messenger):
    """Multiply the log-probability of every site inside, latent and observed, by a factor.

    :param scale: A positive number, or a tensor that broadcasts with the sites' batch shapes.
    :raises HandlerError: if the scale is not positive.

    Example::

        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.tensor(0.0))
        >>> half = poutine.scale(model, scale=0.5)
        >>> poutine.trace(half).get_trace().log_prob_sum()
        tensor(-0.4595)
    """

    def __init__(self, scale: float | torch.Tensor) -> None:
        if isinstance(scale, torch.Tensor):
            if is_validation_enabled() and not bool((scale > 0).all()):
                raise HandlerError(f"scale must be positive everywhere, but got {scale}")
        elif not scale > 0:
            raise HandlerError(f"Expected scale > 0 but got {scale}")
        self.scale = scale

    def _process_message(self, msg: Message) -> None:
        msg["scale"] = self.scale * msg["scale"]
