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

        >>> from pyro.infer import TraceMeanField_ELBO
        >>> class Guide(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.loc = torch.nn.Parameter(torch.tensor(0.0))
        ...     def forward(self):
        ...         pyro.sample("z", dist.Normal(self.loc, 1.0))
        >>> def model():
        ...     pyro.sample("z", dist.Normal(3.0, 1.0))
        >>> loss_fn = TraceMeanField_ELBO()(model, Guide())
        >>> optimizer = torch.optim.SGD(loss_fn.parameters(), lr=0.5)
        >>> for _ in range(20):
        ...     optimizer.zero_grad()
        ...     loss_fn().backward()
        ...     optimizer.step()
        >>> print(f"{loss_fn.guide.loc.item():.3f}")
        3.000
    """

    def __init__(self, model: Callable[..., Any], guide: Callable[..., Any], elbo: Loss) -> None:
        super().__init__()
        self.model = model
        self.guide = guide
        self.elbo = elbo

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The loss, a scalar with gradients."""
        return self.elbo.differentiable_loss(self.model, self.guide, *args, **kwargs)
