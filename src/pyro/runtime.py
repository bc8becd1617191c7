"""The effect stack: how a statement of a program reaches the handlers around it.

A statement (``pyro.sample``, ``pyro.param``, ...) is a :class:`Message`, a plain dict. It travels
from the innermost handler outwards (*pre* hooks), then the default action gives it a value, then
it travels back inwards (*post* hooks). A handler that sets ``msg["stop"]`` hides the message from
all handlers outside of it. Each thread has its own stack, so that two threads running two models
never see each other's sites.

This module knows nothing about distributions, traces or inference.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, MutableSequence
from typing import Any, ClassVar, Protocol, TypedDict, cast, overload
from weakref import WeakKeyDictionary

import torch

Infer = dict[str, Any]
MaskType = bool | torch.Tensor | None
ScaleType = float | torch.Tensor


class Frame(Protocol):
    """What a conditional-independence context writes on ``msg["cond_indep_stack"]``."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int | None: ...
    @property
    def size(self) -> int: ...
    @property
    def counter(self) -> int | None: ...
    @property
    def full_size(self) -> int | None: ...
    @property
    def vectorized(self) -> bool: ...


class Message(TypedDict, total=False):
    """One statement on its way through the stack; a trace keeps a copy of it as its node.

    The last group is filled in by a trace when it scores the site.
    """

    type: str
    name: str
    fn: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    value: Any
    is_observed: bool
    infer: Infer
    scale: ScaleType
    mask: MaskType
    cond_indep_stack: tuple[Frame, ...]
    done: bool
    stop: bool
    continuation: Callable[[Message], None] | None

    log_prob: torch.Tensor
    unscaled_log_prob: torch.Tensor
    log_prob_sum: torch.Tensor
    score_parts: Any


Hook = Callable[[Any, Message], Any]


class Handler(Protocol):
    """What the stack needs to know of a handler: two hooks per message type, and a reset."""

    _pre: ClassVar[dict[str, Hook | None]]
    _post: ClassVar[dict[str, Hook | None]]

    def _reset(self) -> None: ...
    def _hides(self, msg: Message) -> bool: ...


class _ThreadState(threading.local):
    """All call-scoped state of the language; its one home."""

    def __init__(self) -> None:
        self.stack: list[Handler] = []
        self.plate_names: list[str | None] = []  # plate_names[i] holds batch dim -1 - i
        self.next_enum_dim = -1
        self.next_enum_id = 0
        self.entered: dict[Handler, int] = {}  # how often each reentrant handler is active
        self.markov: WeakKeyDictionary[Handler, Any] = WeakKeyDictionary()  # contexts by handler
        self.param_only = 0
        self.module_runs: dict[object, Any] = {}  # of trees of PyroModules, by their context
        self.rewriting: list[tuple[Handler, Any]] = []  # reparameterisers at work, by handler


STATE = _ThreadState()


class NonlocalExit(Exception):
    """Leaves a program from inside at a site; raised by ``escape``, caught by ``queue``."""

    def __init__(self, site: Message, *args: object) -> None:
        super().__init__(*args)
        self.site = site

    def reset_stack(self) -> None:
        """Reset the handlers still installed, up to the first one that hides the site."""
        for handler in reversed(STATE.stack):
            handler._reset()
            if handler._hides(self.site):
                break


def apply_stack(msg: Message) -> None:
    """Send a message through this thread's handlers; afterwards ``msg["value"]`` is set.

    Hooks run innermost to outermost before the default action and outermost *reached* to
    innermost after it; then ``msg["continuation"]`` is called, if there is one. A hook may change
    the message's type: the handlers after it see the new one.
    """
    stack = STATE.stack
    kind = msg["type"]
    reached = len(stack)
    for handler in reversed(stack):
        reached -= 1
        hook = handler._pre[kind]
        if hook is not None:
            hook(handler, msg)
            if msg["stop"]:
                break
            kind = msg["type"]
    if not msg["done"]:
        if msg["value"] is None and not msg["is_observed"]:
            msg["value"] = msg["fn"](*msg["args"], **msg["kwargs"])
        msg["done"] = True
    kind = msg["type"]
    for handler in stack[reached:]:
        hook = handler._post[kind]
        if hook is not None:
            hook(handler, msg)
    continuation = msg["continuation"]
    if continuation is not None:
        continuation(msg)


def new_message(
    kind: str,
    name: str | None,
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    *,
    value: Any = None,
    infer: Infer | None = None,
) -> Message:
    """A fresh message with every field set; observed exactly when it has a value."""
    return {
        "type": kind,
        "name": cast(str, name),
        "fn": fn,
        "args": args,
        "kwargs": {} if kwargs is None else kwargs,
        "value": value,
        "is_observed": value is not None,
        "infer": {} if infer is None else infer.copy(),
        "scale": 1.0,
        "mask": None,
        "cond_indep_stack": (),
        "done": False,
        "stop": False,
        "continuation": None,
    }


def am_i_wrapped() -> bool:
    """Whether any handler is installed in this thread."""
    return bool(STATE.stack)


def stack_depth() -> int:
    """The number of handlers installed in this thread."""
    return len(STATE.stack)


@overload
def effectful(
    fn: None = None, type: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
@overload
def effectful(fn: Callable[..., Any], type: str | None = None) -> Callable[..., Any]: ...
def effectful(fn: Callable[..., Any] | None = None, type: str | None = None) -> Callable[..., Any]:
    """Make a function a statement whose calls pass through the handlers.

    The keyword arguments ``name``, ``infer`` and ``obs`` belong to the statement and are not
    passed on. With no handler installed the plain function is called.

    :param type: The message type; handlers define ``_pyro_<type>`` and ``_pyro_post_<type>``.

    Example::

        >>> @effectful(type="log_metric")
        ... def log_metric(value):
        ...     return value
        >>> log_metric(3, name="accuracy")
        3
    """
    if fn is None:
        return functools.partial(effectful, type=type)
    if type is None or type == "message":
        raise ValueError(f"effectful needs a message type other than 'message', but got {type!r}")
    kind = type

    @functools.wraps(fn)
    def statement(*args: Any, **kwargs: Any) -> Any:
        name = kwargs.pop("name", None)
        infer = kwargs.pop("infer", None)
        value = kwargs.pop("obs", None)
        if not STATE.stack:
            return fn(*args, **kwargs)
        msg = new_message(kind, name, fn, args, kwargs, value=value, infer=infer)
        apply_stack(msg)
        return msg["value"]

    return statement


def _inspect() -> Message:
    """Ask the handlers what they would do to a site here, without making one."""
    msg = new_message("inspect", "_pyro_inspect", lambda: True)
    apply_stack(msg)
    return msg


def get_mask() -> MaskType:
    """The mask that a site here would get; ``False`` means densities are not needed.

    Example::

        >>> def model(x):
        ...     if get_mask() is not False:  # a density is wanted
        ...         pyro.factor("penalty", -(x**2).sum())
        >>> with poutine.mask(mask=False):
        ...     get_mask()
        False
    """
    return _inspect()["mask"] if STATE.stack else None


def get_plates() -> tuple[Frame, ...]:
    """The plates a site here would be in, outermost first."""
    return _inspect()["cond_indep_stack"] if STATE.stack else ()


class StackView(MutableSequence["Handler"]):
    """The calling thread's stack as a sequence (documented as ``runtime._PYRO_STACK``)."""

    @overload
    def __getitem__(self, index: int) -> Handler: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[Handler]: ...
    def __getitem__(self, index: int | slice) -> Handler | MutableSequence[Handler]:
        return STATE.stack[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        STATE.stack[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del STATE.stack[index]

    def __len__(self) -> int:
        return len(STATE.stack)

    def __iter__(self) -> Iterator[Handler]:
        return iter(STATE.stack)

    def insert(self, index: int, value: Handler) -> None:
        STATE.stack.insert(index, value)
