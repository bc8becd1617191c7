"""Distributions that are made of the very same tensors, of which the second is a copy."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from numbers import Number
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

P = ParamSpec("P")
S = TypeVar("S")


class _Twins(threading.local):
    """What has been made in this thread: attributes, and arguments, which keep their identity."""

    known: dict[Hashable, tuple[dict[str, Any], Any]] | None = None


_TWINS = _Twins()


@contextmanager
def twins() -> Iterator[None]:
    """In this thread, a distribution of the same tensors as one before is not computed again.

    That pays while a program is recorded: there, an operation that is repeated gives the tensor
    that it gave before.

    Example::

        >>> from pyro.distributions.twins import twins
        >>> probs = torch.ones(3)
        >>> with twins():
        ...     first, second = dist.Categorical(probs), dist.Categorical(probs)
        >>> first is second, first.probs is second.probs
        (False, True)
    """
    before = _TWINS.known
    _TWINS.known = {}
    try:
        yield
    finally:
        _TWINS.known = before


def shared_among_twins(
    init: Callable[Concatenate[S, P], None],
) -> Callable[Concatenate[S, P], None]:
    """Decorator of ``__init__``: inside of :func:`twins`, it is called once for equal arguments.

    A method ``_prepare_for_twins`` is called on the first instance.
    """

    @functools.wraps(init)
    def __init__(self: S, *args: P.args, **kwargs: P.kwargs) -> None:  # noqa: N807
        known = _TWINS.known
        key = None if known is None else _key(self, args, kwargs)
        if known is None or key is None:
            init(self, *args, **kwargs)
            return
        like = known.get(key)
        if like is not None:
            self.__dict__.update(like[0])
            return
        init(self, *args, **kwargs)
        prepare = getattr(self, "_prepare_for_twins", None)
        if prepare is not None:
            prepare()
        known[key] = self.__dict__.copy(), (args, kwargs)

    return cast("Callable[Concatenate[S, P], None]", __init__)


def _key(made: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hashable | None:
    """Equal for arguments of which the same is made; None for those that cannot be compared."""
    if made.__dict__:  # a class that inherits has been at work
        return None
    with torch._C.DisableTorchFunction():
        try:
            parts = tuple([_part(x) for x in args])
            named = tuple([(k, _part(x)) for k, x in kwargs.items()]) if kwargs else ()
        except TypeError:
            return None
        return type(made), made._validate_args, torch.is_grad_enabled(), parts, named


def _part(x: Any) -> Hashable:
    if isinstance(x, Tensor):
        if x.is_inference():
            raise TypeError("writes are not counted")
        return id(x), x._version
    if isinstance(x, Number):
        return type(x), repr(x)
    if x is None:
        return None
    raise TypeError(f"a {type(x).__name__} is not compared")
