"""The base of every effect handler."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, ParamSpec, TypeVar, cast

from pyro.errors import HandlerError
from pyro.runtime import STATE, Hook, Message

P = ParamSpec("P")
R = TypeVar("R")


class _HookTable(dict[str, Hook | None]):
    """Message type to hook for one class, looked up once and remembered."""

    def __init__(self, cls: type[Messenger], prefix: str, generic: str) -> None:
        super().__init__()
        self._cls, self._prefix, self._generic = cls, prefix, generic

    def __missing__(self, kind: str) -> Hook | None:
        generic: Hook = getattr(self._cls, self._generic)
        overridden = generic is not getattr(Messenger, self._generic)
        self[kind] = hook = generic if overridden else self._specific(kind)
        return hook

    def _specific(self, kind: str) -> Hook | None:
        found = inspect.getattr_static(self._cls, self._prefix + kind, None)
        if isinstance(found, staticmethod):
            return lambda _self, msg: found.__func__(msg)
        return cast("Hook | None", found)


class Messenger:
    """A handler that leaves every message untouched; subclasses give message types a meaning.

    Subclasses define ``_pyro_<type>(self, msg)``, run before the site has a value, and
    ``_pyro_post_<type>(self, msg)``, run after. A subclass that must act on every type overrides
    :meth:`_process_message` and :meth:`_postprocess_message` instead.

    A handler is a context manager, and a decorator of functions and methods.

    Example::

        >>> class PrintSites(Messenger):
        ...     def _pyro_post_sample(self, msg):
        ...         print(msg["name"], msg["value"].shape)
        >>> with PrintSites():
        ...     x = pyro.sample("x", dist.Normal(torch.zeros(3), 1.0))
        x torch.Size([3])
    """

    _reentrant: ClassVar[bool] = False
    _keeps_notes: ClassVar[bool] = False
    _pre: ClassVar[dict[str, Hook | None]]
    _post: ClassVar[dict[str, Hook | None]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._forget_hooks()

    @classmethod
    def _forget_hooks(cls) -> None:
        cls._pre = _HookTable(cls, "_pyro_", "_process_message")
        cls._post = _HookTable(cls, "_pyro_post_", "_postprocess_message")

    def __enter__(self) -> Any:
        if not self._reentrant and self in STATE.stack:
            raise HandlerError(
                f"cannot install a {type(self).__name__} instance twice: this instance is already "
                "active in this thread. Create a second one."
            )
        STATE.stack.append(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        stack = STATE.stack
        if stack and stack[-1] is self:
            stack.pop()
        elif self in stack:
            first = stack.index(self)
            above = [type(handler).__name__ for handler in stack[first + 1 :]]
            del stack[first:]
            if exc_type is None:
                raise HandlerError(
                    f"{type(self).__name__} was left while handlers opened inside of it were still "
                    f"active: {', '.join(above)}. Leave contexts in the reverse order of entry."
                )
        return None

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        if not callable(fn):
            raise HandlerError(
                f"{fn!r} is not callable, did you mean to pass it as a keyword argument?"
            )

        # the attributes of an nn.Module are its state, not decoration
        updated = ("__dict__",) if inspect.isfunction(fn) else ()

        if inspect.isgeneratorfunction(fn):

            @functools.wraps(fn)
            def generator(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
                with self._for_call():
                    yield from fn(*args, **kwargs)

            return cast("Callable[P, R]", generator)

        @functools.wraps(fn, updated=updated)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._for_call():
                return fn(*args, **kwargs)

        return wrapped

    def _for_call(self) -> Messenger:
        """The instance that serves one call of a wrapped function.

        Recursive calls get their own, and so does every call when the handler keeps notes of a
        run, for the calls may be in different threads.
        """
        if self._reentrant or not (self._keeps_notes or self in STATE.stack):
            return self
        return copy.copy(self)

    def _reset(self) -> None:
        """Called on a handler that survives a non-local exit from a site inside of it."""

    def _hides(self, msg: Message) -> bool:
        """Whether handlers outside of this one do not see the message."""
        return False

    def _process_message(self, msg: Message) -> Any:
        hook = getattr(self, "_pyro_" + msg["type"], None)
        return None if hook is None else hook(msg)

    def _postprocess_message(self, msg: Message) -> Any:
        hook = getattr(self, "_pyro_post_" + msg["type"], None)
        return None if hook is None else hook(msg)

    @classmethod
    def register(
        cls,
        fn: Callable[[Message], Any] | None = None,
        type: str | None = None,
        post: bool | None = None,
    ) -> Callable[..., Any]:
        """Install ``fn`` as this class's hook for messages of a type.

        :param type: The message type.
        :param post: Whether the hook runs after the site has a value.
        :raises HandlerError: if no type is given.

        Example::

            >>> class MyMessenger(Messenger):
            ...     "Does nothing yet."
            >>> @MyMessenger.register(type="sample", post=True)
            ... def print_name(msg):
            ...     print(msg["name"])
            >>> with MyMessenger():
            ...     x = pyro.sample("x", dist.Normal(0.0, 1.0))
            x
        """
        if fn is None:
            return functools.partial(cls.register, type=type, post=post)
        setattr(cls, cls._hook_name(type, post), staticmethod(fn))
        _forget_hooks_below(cls)
        return fn

    @classmethod
    def unregister(
        cls, fn: Callable[..., Any] | None = None, type: str | None = None
    ) -> Callable[..., Any] | None:
        """Remove the hooks that :meth:`register` installed for a type (or for ``fn`` alone)."""
        for post in (False, True):
            name = cls._hook_name(type, post)
            if name in cls.__dict__ and fn in (None, getattr(cls, name)):
                delattr(cls, name)
        _forget_hooks_below(cls)
        return fn

    @staticmethod
    def _hook_name(type: str | None, post: bool | None) -> str:
        if type is None:
            raise HandlerError("an operation type must be given: type='sample', for example")
        return ("_pyro_post_" if post else "_pyro_") + type


def _forget_hooks_below(cls: type[Messenger]) -> None:
    cls._forget_hooks()
    for child in cls.__subclasses__():
        _forget_hooks_below(child)


Messenger._forget_hooks()


@contextmanager
def block_messengers(predicate: Callable[[Messenger], bool]) -> Iterator[list[Any]]:
    """Take the matching handlers of this thread off the stack for the length of a context.

    :param predicate: Says of a handler whether it is taken off.
    :return: The handlers taken off, outermost first.

    Example::

        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> with poutine.trace() as tracer:
        ...     with poutine.block_messengers(lambda handler: handler is tracer) as blocked:
        ...         model()
        >>> len(blocked), list(tracer.trace.nodes)
        (1, [])
    """
    stack = STATE.stack
    kept = list(stack)
    blocked = [handler for handler in kept if predicate(handler)]  # type: ignore[arg-type]
    stack[:] = [handler for handler in kept if handler not in blocked]
    depth = len(stack)
    try:
        yield blocked
    finally:
        stack[:] = kept + stack[depth:]


def unwrap(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function under all handlers and other decorators that used ``functools.wraps``.

    Example::

        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> unwrap(poutine.scale(poutine.mask(model, mask=False), scale=2.0)) is model
        True
    """
    while True:
        if isinstance(fn, functools.partial):
            fn = fn.func
        elif hasattr(fn, "__wrapped__"):
            fn = fn.__wrapped__
        else:
            return fn
