"""A schedule that can run ahead, since its rates depend on nothing but the number of steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, final

from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from pyro.optim.lr_scheduler import PyroLRScheduler
from pyro.optim.optim import PyroOptim


@final
class Timetable:
    """The schedulers of an optimiser, and a point to which they can go back.

    :param optim: An optimiser of which :func:`timetable_of` says that it has a timetable.
    """

    def __init__(self, optim: PyroLRScheduler) -> None:
        self._optim = optim
        self._marked: list[tuple[Any, Any, list[dict[str, Any]]]] = []

    def mark(self) -> None:
        """Remember where the schedule is."""
        self._marked = [
            (
                cohort.scheduler,
                copy.deepcopy(cohort.scheduler.state_dict()),
                [_options(group) for group in cohort.optimizer.param_groups],
            )
            for cohort in self._optim.cohorts
            if cohort.scheduler is not None
        ]

    def rows(self, scalars: Callable[[int], list[float]], n: int) -> list[list[float]]:
        """What optimisers need in each of the next steps, up to ``n``.

        There are less if the schedule ends before, which it says when that step is due. Afterwards
        the schedule is where the last row is.

        :param scalars: The numbers as they are now, so many steps from the mark.
        """
        found = [scalars(0)]
        with ExitStack() as stack:
            strides = [stack.enter_context(_stride(s)) for s in self._schedulers()]
            try:
                for k in range(1, n):
                    for stride in strides:
                        stride()
                    found.append(scalars(k))
                return found
            except Exception:  # it will come again when that step is due
                pass
        self.go_back(len(found) - 1)
        return found

    def _schedulers(self) -> list[Any]:
        return [c.scheduler for c in self._optim.cohorts if c.scheduler is not None]

    def go_back(self, steps: int) -> None:
        """Be so many steps after the mark."""
        for scheduler, state, groups in self._marked:
            scheduler.load_state_dict(state)
            for group, options in zip(scheduler.optimizer.param_groups, groups, strict=True):
                group.update(options)
        for _ in range(steps):
            self._optim.step()


@contextmanager
def _stride(scheduler: Any) -> Iterator[Callable[[], None]]:
    """Advances a scheduler as its ``step`` does, but for what is looked at after the last only."""
    if type(scheduler).step is not LRScheduler.step or scheduler._step_count < 2:
        yield scheduler.step
        return
    groups, rates = scheduler.optimizer.param_groups, scheduler.get_lr

    def stride() -> None:
        scheduler._step_count += 1
        scheduler.last_epoch += 1
        for group, rate in zip(groups, rates(), strict=True):
            group["lr"] = rate

    scheduler._get_lr_called_within_step = True
    try:
        yield stride
    finally:
        scheduler._get_lr_called_within_step = False
        scheduler._last_lr = [group["lr"] for group in groups]


def timetable_of(optim: PyroOptim) -> Timetable | None:
    """The timetable of an optimiser; None if it has none, or rates may depend on something else.

    Example::

        >>> from pyro.optim import Adam, ExponentialLR, ReduceLROnPlateau
        >>> options = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.1}}
        >>> timetable_of(Adam({"lr": 0.1})) is None
        True
        >>> timetable_of(ReduceLROnPlateau(options)) is None
        True
        >>> timetable_of(ExponentialLR({**options, "gamma": 0.9})) is None
        False
    """
    if not isinstance(optim, PyroLRScheduler) or type(optim).step is not PyroLRScheduler.step:
        return None
    kind = optim.pt_scheduler_constructor
    if not isinstance(kind, type) or kind is ReduceLROnPlateau:
        return None
    made = [c.scheduler for c in optim.cohorts if c.scheduler is not None]
    groups = [group for c in optim.cohorts for group in c.optimizer.param_groups]
    in_place = any(isinstance(value, Tensor) for g in groups for value in _options(g).values())
    is_sure = _is_known(kind) and all(map(_is_of_torch, made)) and not in_place
    return Timetable(optim) if is_sure else None


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _is_known(kind: type) -> bool:
    return kind.__module__ == LRScheduler.__module__ and kind is not ReduceLROnPlateau


def _is_of_torch(scheduler: Any) -> bool:
    inner = getattr(scheduler, "_schedulers", ())
    return _is_known(type(scheduler)) and all(map(_is_of_torch, inner))
