"""A loss as a ``torch.nn.Module``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from pyro.infer.module_behind import module_behind
from pyro.infer.param_capture import ParamCapture
from pyro.infer.prototype import looking
from pyro.params.param_store import PARAM_STORE
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger


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
        self.statements = torch.nn.Module()
        programs = (p for p in (model, guide) if not isinstance(p, torch.nn.Module))
        behind = [module for module in map(module_behind, programs) if module is not None]
        if behind:
            self.behind = torch.nn.ModuleList(behind)

    def setup(self, *args: Any, **kwargs: Any) -> Self:
        """Run guide and model once, so that all parameters are there, and change nothing else.

        Automatic guides make their parameters then. Those that ``pyro.param`` and ``pyro.module``
        statements declare, and that belong to no module yet, become parameters of this one; they
        stay in the parameter store too.

        :param args: The arguments of model and guide.
        :return: The module.

        Example::

            >>> from pyro.infer import Trace_ELBO
            >>> def model():
            ...     pyro.sample("z", dist.Normal(3.0, 1.0))
            >>> def guide():
            ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))
            >>> loss_fn = Trace_ELBO()(model, guide).setup()
            >>> [name for name, _ in loss_fn.named_parameters()]
            ['statements.loc']
        """
        with looking(keep_rng=False, keep_params=False), ParamCapture() as seen:
            with TraceMessenger() as guided:
                self.guide(*args, **kwargs)
            with ReplayMessenger(guided.trace):
                self.model(*args, **kwargs)
        known = set(map(id, self.parameters()))
        for name, leaf in seen.leaves.items():
            if id(leaf) not in known:
                self.statements.register_parameter(name.replace(".", "%2E"), _adopted(name, leaf))
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The loss, a scalar with gradients."""
        return self.elbo.differentiable_loss(self.model, self.guide, *args, **kwargs)


def _adopted(name: str, leaf: Tensor) -> torch.nn.Parameter:
    """A leaf of the parameter store as a parameter, which the store then holds as well."""
    if isinstance(leaf, torch.nn.Parameter):
        return leaf
    parameter = torch.nn.Parameter(leaf.detach())
    if PARAM_STORE.param_name(leaf) == name:
        PARAM_STORE.adopt(name, parameter, PARAM_STORE.constraint(name))
    return parameter
