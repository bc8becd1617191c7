"""A loss as a ``torch.nn.Module``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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

    Its parameters are those of ``model`` and ``guide`` where these are modules, methods of modules,
    or such with handlers or arguments put around them. The parameters of a
    :class:`~pyro.nn.PyroModule` exist from its construction, so an optimiser may be made before the
    first call.

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
        behind = [*_modules_behind(model), *_modules_behind(guide)]
        if behind:
            self.behind = torch.nn.ModuleList(behind)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The loss, a scalar with gradients."""
        return self.elbo.differentiable_loss(self.model, self.guide, *args, **kwargs)


def _modules_behind(program: Any) -> list[torch.nn.Module]:
    """The module that a program is a method of, or a handler around; none for a module itself."""
    if isinstance(program, torch.nn.Module):
        return []
    while program is not None:
        owner = getattr(program, "__self__", program)
        if isinstance(owner, torch.nn.Module):
            return [owner]
        program = getattr(program, "func" if isinstance(program, partial) else "__wrapped__", None)
    return []
