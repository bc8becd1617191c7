"""Leave a program at a site."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from pyro.poutine.messenger import Messenger
from pyro.runtime import Message, NonlocalExit


class EscapeMessenger(Messenger):
    """Raise :class:`~pyro.poutine.NonlocalExit` at the first sample site that a function accepts.

    The site is not drawn, and handlers outside do not see it; the exception carries it.

    :param escape_fn: Says of a site whether to leave there.

    Example::

        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))
        ...     pyro.sample("y", dist.Bernoulli(0.5))
        >>> leaving = poutine.escape(model, escape_fn=lambda site: site["fn"].has_enumerate_support)
        >>> try:
        ...     leaving()
        ... except poutine.NonlocalExit as exit:
        ...     print(exit.site["name"])
        y
    """

    def __init__(self, escape_fn: Callable[[Message], bool]) -> None:
        self.escape_fn = escape_fn

    def _pyro_sample(self, msg: Message) -> None:
        if self.escape_fn(msg):
            msg["done"] = True
            msg["stop"] = True
            msg["continuation"] = _leave


def _leave(msg: Message) -> NoReturn:
    raise NonlocalExit(msg)
