"""The handlers as users meet them: wrapper, decorator and context in one.

``scale(model, scale=2.0)`` wraps a function, ``@scale(scale=2.0)`` decorates one, and
``with scale(scale=2.0):`` installs the handler for a block of code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from pyro.errors import HandlerError
from pyro.poutine.block_messenger import BlockMessenger
from pyro.poutine.broadcast_messenger import BroadcastMessenger
from pyro.poutine.collapse_messenger import CollapseMessenger
from pyro.poutine.condition_messenger import ConditionMessenger
from pyro.poutine.do_messenger import DoMessenger
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.equalize_messenger import EqualizeMessenger
from pyro.poutine.escape_messenger import EscapeMessenger
from pyro.poutine.infer_config_messenger import InferConfigMessenger
from pyro.poutine.lift_messenger import LiftMessenger
from pyro.poutine.markov_messenger import markov
from pyro.poutine.mask_messenger import MaskMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.queue_messenger import queue
from pyro.poutine.reparam_messenger import ReparamMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.scale_messenger import ScaleMessenger
from pyro.poutine.seed_messenger import SeedMessenger
from pyro.poutine.substitute_messenger import SubstituteMessenger
from pyro.poutine.trace_messenger import TraceHandler, TraceMessenger
from pyro.poutine.uncondition_messenger import UnconditionMessenger

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=Messenger)


class HandlerFunction(Generic[P, M]):
    """Makes handlers of one class, and applies them when the first argument is a function.

    :raises HandlerError: when the first positional argument is not callable.
    """

    def __init__(self, name: str, messenger: Callable[P, M]) -> None:
        self.messenger = messenger
        self.__name__ = self.__qualname__ = name
        self.__doc__ = messenger.__doc__
        self.__wrapped__ = messenger
        first = inspect.Parameter("fn", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
        others = inspect.signature(messenger).parameters.values()
        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in others]
        self.__signature__ = inspect.Signature([first, *keyword])

    @overload
    def __call__(self, fn: F, /, *args: P.args, **kwargs: P.kwargs) -> F: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> M: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]
        fn = args[0] if args else kwargs.pop("fn", None)
        if fn is not None and not callable(fn):
            raise HandlerError(
                f"poutine.{self.__name__}: {fn!r} is not callable, did you mean to pass it as a "
                "keyword argument?"
            )
        handler = self.messenger(*args[1:], **kwargs)
        return handler if fn is None else handler(fn)

    def __repr__(self) -> str:
        return f"<handler {self.__name__}>"


block = HandlerFunction("block", BlockMessenger)
broadcast = HandlerFunction("broadcast", BroadcastMessenger)
collapse = HandlerFunction("collapse", CollapseMessenger)
condition = HandlerFunction("condition", ConditionMessenger)
do = HandlerFunction("do", DoMessenger)
enum = HandlerFunction("enum", EnumMessenger)
equalize = HandlerFunction("equalize", EqualizeMessenger)
escape = HandlerFunction("escape", EscapeMessenger)
infer_config = HandlerFunction("infer_config", InferConfigMessenger)
lift = HandlerFunction("lift", LiftMessenger)
mask = HandlerFunction("mask", MaskMessenger)
reparam = HandlerFunction("reparam", ReparamMessenger)
replay = HandlerFunction("replay", ReplayMessenger)
scale = HandlerFunction("scale", ScaleMessenger)
seed = HandlerFunction("seed", SeedMessenger)
substitute = HandlerFunction("substitute", SubstituteMessenger)
uncondition = HandlerFunction("uncondition", UnconditionMessenger)


@overload
def trace(
    fn: None = None, graph_type: str | None = None, param_only: bool | None = None
) -> TraceMessenger: ...
@overload
def trace(
    fn: Callable[..., Any], graph_type: str | None = None, param_only: bool | None = None
) -> TraceHandler: ...
def trace(
    fn: Callable[..., Any] | None = None,
    graph_type: str | None = None,
    param_only: bool | None = None,
) -> Any:
    """Record the sites of a program.

    :param graph_type: "flat", or "dense" to record edges between dependent sites.
    :param param_only: Record ``pyro.param`` statements alone.
    :return: With a function: one whose ``get_trace(*args)`` calls it and returns the record.
        Without: a context manager whose value has the record as ``.trace``.

    Example::

        >>> def model():
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     return pyro.sample("x", dist.Normal(z, 1.0), obs=torch.tensor(2.0))
        >>> trace = poutine.trace(poutine.condition(model, data={"z": 1.0})).get_trace()
        >>> trace.nodes["_RETURN"]["value"], trace.nodes["z"]["value"]
        (tensor(2.), tensor(1.))
        >>> trace.log_prob_sum()  # -1/2 - 1/2 - log(2 pi)
        tensor(-2.8379)
    """
    return _trace(fn, graph_type, param_only)


_trace: Any = HandlerFunction("trace", TraceMessenger)

__all__ = [
    "block",
    "broadcast",
    "collapse",
    "condition",
    "do",
    "enum",
    "equalize",
    "escape",
    "infer_config",
    "lift",
    "markov",
    "mask",
    "queue",
    "reparam",
    "replay",
    "scale",
    "seed",
    "substitute",
    "trace",
    "uncondition",
]
