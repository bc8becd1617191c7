"""Every torch learning-rate schedule, ready for parameters that appear as programs run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch.optim import lr_scheduler

from pyro.optim.arguments import Args
from pyro.optim.lr_scheduler import PyroLRScheduler


class SchedulerFactory(Protocol):
    """Makes a :class:`~pyro.optim.lr_scheduler.PyroLRScheduler` of one kind."""

    def __call__(
        self, optim_args: Mapping[str, Any], clip_args: Args | None = None
    ) -> PyroLRScheduler: ...


def wrap(constructor: type[Any]) -> SchedulerFactory:
    """A function that makes a :class:`PyroLRScheduler` from a schedule's class.

    Example::

        >>> options = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 1.0}}
        >>> scheduler = wrap(lr_scheduler.StepLR)({**options, "step_size": 1, "gamma": 0.5})
        >>> loc = pyro.param("loc", torch.tensor(0.0)).unconstrained()
        >>> for _ in range(2):
        ...     loc.grad = torch.tensor(1.0)
        ...     scheduler([loc])
        ...     scheduler.step()  # once per epoch
        >>> loc.detach()  # -1 - 0.5
        tensor(-1.5000)
    """

    def factory(optim_args: Mapping[str, Any], clip_args: Args | None = None) -> PyroLRScheduler:
        return PyroLRScheduler(constructor, optim_args, clip_args)

    factory.__name__ = factory.__qualname__ = constructor.__name__
    factory.__doc__ = (
        f":class:`torch.optim.lr_scheduler.{constructor.__name__}` as a "
        ":class:`~pyro.optim.lr_scheduler.PyroLRScheduler`.\n\n"
        ":param optim_args: A dict with ``optimizer``, ``optim_args`` and the arguments of the "
        "schedule.\n"
        ":param clip_args: How to clip gradients: a dict, or a callable of parameter names."
    )
    return factory


def _all() -> dict[str, SchedulerFactory]:
    classes = {
        name: value
        for name, value in vars(lr_scheduler).items()
        if isinstance(value, type) and issubclass(value, lr_scheduler.LRScheduler)
    }
    base = {"LRScheduler", "_LRScheduler"}
    return {name: wrap(value) for name, value in classes.items() if name not in base}


ALL: dict[str, SchedulerFactory] = _all()

# Written out for type checkers and editors.
ChainedScheduler: SchedulerFactory = ALL["ChainedScheduler"]
ConstantLR: SchedulerFactory = ALL["ConstantLR"]
CosineAnnealingLR: SchedulerFactory = ALL["CosineAnnealingLR"]
CosineAnnealingWarmRestarts: SchedulerFactory = ALL["CosineAnnealingWarmRestarts"]
CyclicLR: SchedulerFactory = ALL["CyclicLR"]
ExponentialLR: SchedulerFactory = ALL["ExponentialLR"]
LambdaLR: SchedulerFactory = ALL["LambdaLR"]
LinearLR: SchedulerFactory = ALL["LinearLR"]
MultiStepLR: SchedulerFactory = ALL["MultiStepLR"]
MultiplicativeLR: SchedulerFactory = ALL["MultiplicativeLR"]
OneCycleLR: SchedulerFactory = ALL["OneCycleLR"]
PolynomialLR: SchedulerFactory = ALL["PolynomialLR"]
ReduceLROnPlateau: SchedulerFactory = ALL["ReduceLROnPlateau"]
SequentialLR: SchedulerFactory = ALL["SequentialLR"]
StepLR: SchedulerFactory = ALL["StepLR"]
