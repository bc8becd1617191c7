"""A loss as a ``torch.nn.Module``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """What the module needs of an objective."""

    def differentiable_loss(
        self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Tensor: ...


class ELBOModule(torch.nn.Module):
    """The differentiable loss of a model and a guide, for training loops in the style of torch.

    Its parameters are those of ``model`` and ``guide`` where these are modules.

    Example::

        loss_fn = Trace_ELBO()(model, guide)
        loss_fn(data)  # guides that make their parameters in the first call make them here
        optimizer = torch.optim.Adam(loss_fn.parameters(), lr=0.001)
        for _ in range(1000):
            optimizer.zero_grad()
            loss = loss_fn(data)
            loss.backward()
            optimizer.step()
    """

    def __init__(self, model: Callable[..., Any], guide: Callable[..., Any], elbo: Loss) -> None:
        super().__init__()
        self.model = model
        self.guide = guide
        self.elbo = elbo

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The loss, a scalar with gradients."""
        return self.elbo.differentiable_loss(self.model, self.guide, *args, **kwargs)
