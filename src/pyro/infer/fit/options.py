"""The options of a run."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.fit.steps.engine import Kind

Callback = Callable[[int, Any], object]


@dataclass(frozen=True)
class RunOptions:
    """How :meth:`~pyro.infer.SVI.run` goes about its steps; its documentation says what each is."""

    batches: Iterable[Any] | None = None
    epochs: int | None = None
    tol: float | None = None
    patience: int = 5
    window: int | None = None
    restore_best: bool = False
    callbacks: Callback | Iterable[Callback] = ()
    schedule: Literal["step", "epoch"] | None = None
    non_finite: Literal["stop", "skip"] = "stop"
    progress: bool = True
    compile: bool | Kind | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "window"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InferenceError(f"SVI.run: {name} must be at least 1, but is {value!r}")
        if self.tol is not None and not self.tol >= 0:
            raise InferenceError(f"SVI.run: tol must not be negative, but is {self.tol!r}")
        for name, known in (
            ("schedule", (None, "step", "epoch")),
            ("non_finite", ("stop", "skip")),
            ("compile", (None, True, False, *get_args(Kind))),
        ):
            if getattr(self, name) not in known:
                raise InferenceError(
                    f"SVI.run: {name} must be one of {known}, but is {getattr(self, name)!r}"
                )
        if self.epochs is not None and self.batches is None:
            raise InferenceError("SVI.run: epochs needs batches, such as a DataLoader")

    def set_by_user(self) -> dict[str, Any]:
        """The options that are not at their defaults."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {f.name: values[f.name] for f in fields(self) if values[f.name] is not f.default}

    def check_free(self, *programs: Callable[..., Any]) -> None:
        """Refuse options that are also arguments of a program: whose is it?

        :raises InferenceError: naming the option.
        """
        given = self.set_by_user()
        for program in programs if given else ():
            taken = sorted(given.keys() & _named_arguments(program))
            if taken:
                raise InferenceError(
                    f"SVI.run: {taken[0]!r} is an option of run and an argument of "
                    f"{getattr(program, '__name__', type(program).__name__)}. Pass the program's "
                    "argument by position, or bind it before: functools.partial(model, "
                    f"{taken[0]}=...)."
                )

    def all_callbacks(self) -> tuple[Callback, ...]:
        """The callbacks, of which one may stand alone."""
        return (self.callbacks,) if callable(self.callbacks) else tuple(self.callbacks)


def check_num_steps(num_steps: Any, options: RunOptions) -> int | None:
    """The number of steps; None if batches and epochs say it.

    :raises InferenceError: if it is something else.
    """
    if num_steps is None and options.epochs is not None:
        return None
    try:
        if isinstance(num_steps, bool | Tensor):
            raise TypeError
        steps = operator.index(num_steps)
    except TypeError:
        given = type(num_steps).__name__ if num_steps is not None else "nothing"
        raise InferenceError(
            f"SVI.run: the first argument is the number of steps, but got {given}: "
            "svi.run(1000, *args), or svi.run(batches=loader, epochs=10)"
        ) from None
    if steps < 1:
        raise InferenceError(f"SVI.run: the number of steps must be at least 1, but is {steps}")
    return steps


def _named_arguments(program: Callable[..., Any]) -> set[str]:
    """The arguments that can be given by name; of a module, those of ``forward``."""
    target = getattr(program, "forward", program)
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return set()
    by_position = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY}
    kinds = by_position | {inspect.Parameter.VAR_KEYWORD}
    return {p.name for p in parameters if p.kind not in kinds}
