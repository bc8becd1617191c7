"""``PyroLRScheduler``: torch's schedules of learning rates, for parameters that appear late."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch.optim import Optimizer

from pyro.errors import SiteError
from pyro.optim.arguments import Args
from pyro.optim.optim import PyroOptim


class PyroLRScheduler(PyroOptim):
    """A :class:`PyroOptim` whose learning rates follow a torch schedule.

    Each parameter's schedule starts when the parameter is first seen. :meth:`step` is for the user
    to call, typically once per epoch; updates do not call it.

    :param scheduler_constructor: A class in ``torch.optim.lr_scheduler``.
    :param optim_args: A dict with ``"optimizer"`` (the torch class), ``"optim_args"`` (as in
        :class:`PyroOptim`), and the schedule's keyword arguments. It is not modified. For schedules
        made of schedules, ``"schedulers"`` is a list of callables that take the torch optimiser.
    :param clip_args: As in :class:`PyroOptim`.

    Example::

        >>> import torch
        >>> scheduler = PyroLRScheduler(
        ...     torch.optim.lr_scheduler.ExponentialLR,
        ...     {"optimizer": torch.optim.SGD, "optim_args": {"lr": 1.0}, "gamma": 0.5},
        ... )
        >>> x = torch.zeros((), requires_grad=True)
        >>> for _ in range(2):
        ...     x.grad = torch.ones(())
        ...     scheduler([x])
        ...     scheduler.step()
        >>> x.item()
        -1.5
    """

    def __init__(
        self,
        scheduler_constructor: Callable[..., Any],
        optim_args: Mapping[str, Any],
        clip_args: Args | None = None,
    ) -> None:
        kwargs = dict(optim_args)
        missing = [key for key in ("optimizer", "optim_args") if key not in kwargs]
        if missing:
            raise SiteError(
                f"a scheduler's arguments need {missing}: pass a dict such as {{'optimizer': "
                "torch.optim.SGD, 'optim_args': {'lr': 0.01}, ...}"
            )
        super().__init__(kwargs.pop("optimizer"), kwargs.pop("optim_args"), clip_args)
        self.pt_scheduler_constructor = scheduler_constructor
        self.kwargs = kwargs

    def step(self, *args: Any, **kwargs: Any) -> None:
        """Advance every parameter's schedule by one.

        :param args: Passed on, e.g. the metric that ``ReduceLROnPlateau`` looks at.
        """
        for cohort in self._cohorts:
            if cohort.scheduler is not None:
                cohort.scheduler.step(*args, **kwargs)

    def _make_scheduler(self) -> Callable[[Optimizer], Any]:
        return functools.partial(_schedule, self.pt_scheduler_constructor, self.kwargs)


def _schedule(constructor: Callable[..., Any], kwargs: dict[str, Any], optimizer: Optimizer) -> Any:
    kwargs = dict(kwargs)
    inner: Iterable[Any] | None = kwargs.pop("schedulers", None)
    if inner is None:
        return constructor(optimizer, **kwargs)
    made = [make(optimizer) for make in inner]
    if "optimizer" in constructor.__init__.__code__.co_varnames[:2]:
        return constructor(optimizer, schedulers=made, **kwargs)
    return constructor(made, optimizer=optimizer, **kwargs)
