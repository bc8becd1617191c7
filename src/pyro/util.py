"""The documented helpers: seeds, checks of numbers, checks of models and guides."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.jit._trace import TracerWarning

from pyro.infer.checks import (
    check_if_enumerated,
    check_model_guide_match,
    check_site_shape,
    check_traces_match,
)
from pyro.rng import get_rng_state, set_rng_seed, set_rng_state

Number = float | Tensor


class ExperimentalWarning(UserWarning):
    """A feature may change without notice."""


def torch_isnan(x: Number) -> Any:
    """Whether any element of a tensor, or a number, is nan.

    Example::

        >>> torch_isnan(torch.tensor([0.0, float("nan")])), torch_isnan(1.0)
        (tensor(True), False)
    """
    return torch.isnan(x).any() if isinstance(x, Tensor) else x != x


def torch_isinf(x: Number) -> Any:
    """Whether any element of a tensor, or a number, is infinite.

    Example::

        >>> torch_isinf(torch.tensor([0.0, float("-inf")])), torch_isinf(1.0)
        (tensor(True), False)
    """
    return torch.isinf(x).any() if isinstance(x, Tensor) else math.isinf(x)


def torch_float(x: Number) -> Number:
    """A tensor or a number in floating point.

    Example::

        >>> torch_float(torch.tensor([1, 2])), torch_float(3)
        (tensor([1., 2.]), 3.0)
    """
    return x.float() if isinstance(x, Tensor) else float(x)


def warn_if_nan(
    value: Any, msg: str = "", *, filename: str | None = None, lineno: int | None = None
) -> Any:
    """Warn if there is a nan in ``value``, or later in its gradient.

    :param filename: With ``lineno``: where the warning says it comes from.
    :return: ``value``.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     ratio = warn_if_nan(torch.zeros(2) / torch.tensor([0.0, 1.0]), "ratio")
        >>> print(caught[0].message)
        Encountered NaN: ratio
        >>> ratio
        tensor([nan, 0.])
    """
    if isinstance(value, Tensor) and value.requires_grad:
        value.register_hook(
            lambda grad: warn_if_nan(
                grad, f"{msg} (gradient)" if msg else "gradient", filename=filename, lineno=lineno
            )
        )
    if torch_isnan(value):
        _warn(f"Encountered NaN{': ' * bool(msg)}{msg}", filename, lineno)
    return value


def warn_if_inf(
    value: Any,
    msg: str = "",
    allow_posinf: bool = False,
    allow_neginf: bool = False,
    *,
    filename: str | None = None,
    lineno: int | None = None,
) -> Any:
    """Warn if there is an infinity in ``value``, or later in its gradient.

    :param allow_posinf: Whether plus infinity is legal.
    :param allow_neginf: Whether minus infinity is legal.
    :return: ``value``.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     _ = warn_if_inf(torch.zeros(1).log(), "log_prob")
        ...     _ = warn_if_inf(torch.zeros(1).log(), "log_prob", allow_neginf=True)
        >>> [str(warning.message) for warning in caught]
        ['Encountered -inf: log_prob']
    """
    if isinstance(value, Tensor) and value.requires_grad:
        value.register_hook(
            lambda grad: warn_if_inf(
                grad,
                f"{msg} (gradient)" if msg else "gradient",
                allow_posinf,
                allow_neginf,
                filename=filename,
                lineno=lineno,
            )
        )
    for allowed, bound, name in (
        (allow_posinf, math.inf, "+inf"),
        (allow_neginf, -math.inf, "-inf"),
    ):
        found = (value == bound).any() if isinstance(value, Tensor) else value == bound
        if not allowed and found:
            _warn(f"Encountered {name}{': ' * bool(msg)}{msg}", filename, lineno)
    return value


@contextmanager
def optional(context_manager: AbstractContextManager[Any], condition: object) -> Iterator[Any]:
    """Enter a context if a condition holds.

    Example::

        >>> def draw(vectorize):
        ...     with optional(pyro.plate("data", 10), vectorize):
        ...         return pyro.sample("x", dist.Normal(0.0, 1.0)).shape
        >>> draw(True), draw(False)
        (torch.Size([10]), torch.Size([]))
    """
    if condition:
        with context_manager as entered:
            yield entered
    else:
        yield None


@contextmanager
def ignore_jit_warnings(filter: Iterable[Any] | None = None) -> Iterator[None]:
    """Silence the warnings of ``torch.jit.trace``.

    :param filter: Only those whose message begins with one of these strings, or is of the category
        in a pair ``(message, category)``; by default every ``TracerWarning``.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", torch.jit.TracerWarning)
        ...     with ignore_jit_warnings():
        ...         warnings.warn("a branch was recorded", torch.jit.TracerWarning)
        ...         print("no error")
        no error
    """
    with warnings.catch_warnings():
        if filter is None:
            warnings.filterwarnings("ignore", category=TracerWarning)
        for entry in filter or ():
            text, category = entry if isinstance(entry, tuple) else (entry, Warning)
            warnings.filterwarnings("ignore", category=category, message=text)
        yield


@contextmanager
def ignore_experimental_warning() -> Iterator[None]:
    """Silence every :class:`ExperimentalWarning`.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error")
        ...     with ignore_experimental_warning():
        ...         warnings.warn("this may change", ExperimentalWarning)
        ...         print("no error")
        no error
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def jit_iter(tensor: Tensor) -> list[Tensor]:
    """The slices of a tensor along its first dim.

    Example::

        >>> jit_iter(torch.tensor([1, 2]))
        [tensor(1), tensor(2)]
    """
    return list(tensor)


class timed:  # noqa: N801 (documented name)
    """A context that measures its wall-clock time, ``elapsed``, in seconds.

    Example::

        >>> with timed() as timer:
        ...     total = torch.ones(1000).sum()
        >>> 0.0 < timer.elapsed < 60.0
        True
    """

    elapsed: float

    def __enter__(self) -> timed:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.elapsed = time.perf_counter() - self._start


def _warn(message: str, filename: str | None, lineno: int | None) -> None:
    if filename is None or lineno is None:
        warnings.warn(message, UserWarning, stacklevel=3)
    else:
        warnings.warn_explicit(message, UserWarning, filename, lineno)


__all__ = [
    "ExperimentalWarning",
    "check_if_enumerated",
    "check_model_guide_match",
    "check_site_shape",
    "check_traces_match",
    "get_rng_state",
    "ignore_experimental_warning",
    "ignore_jit_warnings",
    "jit_iter",
    "optional",
    "set_rng_seed",
    "set_rng_state",
    "timed",
    "torch_float",
    "torch_isinf",
    "torch_isnan",
    "warn_if_inf",
    "warn_if_nan",
]
