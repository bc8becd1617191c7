"""Hide sites from the handlers outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyro.errors import HandlerError
from pyro.poutine.messenger import Messenger
from pyro.runtime import Message

Predicate = Callable[[Message], bool | None]


class BlockMessenger(Messenger):
    """Hide sites of the program inside from all handlers outside.

    By default every site is hidden. ``hide_fn`` or ``expose_fn`` decides alone when given.
    Otherwise naming sites (``hide``) or types (``hide_types``) exposes all others, and ``expose``
    or ``expose_types`` hides all others. Types are "sample" (unobserved), "observe", "param".

    :raises HandlerError: if both functions are given, or a name is both hidden and exposed.

    Example::

        >>> def model():
        ...     z = pyro.sample("z", dist.Bernoulli(0.5))
        ...     return pyro.sample("x", dist.Normal(z, 1.0))
        >>> list(poutine.trace(poutine.block(model, hide=["z"])).get_trace())
        ['_INPUT', 'x', '_RETURN']
    """

    def __init__(
        self,
        hide_fn: Predicate | None = None,
        expose_fn: Predicate | None = None,
        hide_all: bool = True,
        expose_all: bool = False,
        hide: Iterable[str] | None = None,
        expose: Iterable[str] | None = None,
        hide_types: Iterable[str] | None = None,
        expose_types: Iterable[str] | None = None,
    ) -> None:
        if hide_fn is not None and expose_fn is not None:
            raise HandlerError("block: give hide_fn or expose_fn, not both")
        if hide_fn is not None:
            self._hide_fn: Predicate = hide_fn
        elif expose_fn is not None:
            self._hide_fn = lambda msg: not expose_fn(msg)
        else:
            self._hide_fn = _by_name_and_type(
                hide_all and not expose_all, hide, expose, hide_types, expose_types
            )

    def _process_message(self, msg: Message) -> None:
        if self._hide_fn(msg):
            msg["stop"] = True

    def _hides(self, msg: Message) -> bool:
        return bool(self._hide_fn(msg))


def _by_name_and_type(
    hide_others: bool,
    hide: Iterable[str] | None,
    expose: Iterable[str] | None,
    hide_types: Iterable[str] | None,
    expose_types: Iterable[str] | None,
) -> Predicate:
    if hide is not None or hide_types is not None:
        hide_others = False
    if expose is not None or expose_types is not None:
        hide_others = True
    hidden, exposed = _names("hide", hide), _names("expose", expose)
    hidden_types, exposed_types = (
        _names("hide_types", hide_types),
        _names("expose_types", expose_types),
    )
    both = (hidden & exposed) | (hidden_types & exposed_types)
    if both:
        raise HandlerError(f"block: both hidden and exposed: {', '.join(sorted(both))}")

    def hides(msg: Message) -> bool:
        name, kind = msg["name"], msg["type"]
        if kind == "sample" and msg["is_observed"]:
            kind = "observe"
        if name in hidden or kind in hidden_types:
            return True
        return hide_others and name not in exposed and kind not in exposed_types

    return hides


def _names(argument: str, names: Iterable[str] | None) -> frozenset[str]:
    if isinstance(names, str):
        raise HandlerError(f"block: {argument} must be a list of names, but got {names!r}")
    return frozenset(names or ())
