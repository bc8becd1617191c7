"""Markov dependency: which sites a site may depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, overload

from pyro.errors import HandlerError
from pyro.poutine.reentrant_messenger import ReentrantMessenger
from pyro.runtime import STATE, Message


class MarkovFrames:
    """The contexts of one handler in one thread: the names of the sites in each, by nesting."""

    def __init__(self) -> None:
        self.names: list[set[str]] = []
        self.depth = 0

    def open(self) -> set[str]:
        """Go one context deeper and return its names."""
        if self.depth == len(self.names):
            self.names.append(set())
        self.depth += 1
        return self.names[self.depth - 1]

    def close(self, *, keep: bool) -> None:
        """Go back to the context outside; the names inside are forgotten unless kept."""
        self.depth -= 1
        if not keep:
            del self.names[self.depth :]


class MarkovMessenger(ReentrantMessenger):
    """Tell each site which earlier ones it may depend on, given how contexts are nested.

    Sets ``infer["_markov_depth"]``, the number of markov handlers around the site, and
    ``infer["_markov_scope"]``, which counts for each visible earlier site the handlers that let
    it be seen. Inference uses this to reuse tensor dims; see
    :class:`~pyro.poutine.enum_messenger.EnumMessenger`.

    :param history: How many contexts back a site sees; 0 makes contexts independent.
    :param keep: Whether contexts at the same level see each other (for branching programs).
    """

    def __init__(
        self,
        history: int = 1,
        keep: bool = False,
        dim: int | None = None,
        name: str | None = None,
    ) -> None:
        if dim is not None or name is not None:
            raise NotImplementedError("markov: dim and name are not in use")
        if history < 0:
            raise HandlerError(f"markov: history must not be negative, but got {history}")
        self.history = history
        self.keep = keep

    def __enter__(self) -> Any:
        result = super().__enter__()
        self._frames.open()
        return result

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        self._frames.close(keep=self.keep)
        return super().__exit__(exc_type, exc_value, traceback)

    @property
    def _frames(self) -> MarkovFrames:
        frames: MarkovFrames | None = STATE.markov.get(self)
        if frames is None:
            STATE.markov[self] = frames = MarkovFrames()
        return frames

    def iterate(self, values: Iterable[Any]) -> Iterator[Any]:
        """The values, each step one context inside the step before."""
        opened = 0
        self.__enter__()
        try:
            for value in values:
                self._frames.open()
                opened += 1
                yield value
        finally:
            for _ in range(opened):
                self._frames.close(keep=self.keep)
            self.__exit__(GeneratorExit, None, None)

    def _pyro_sample(self, msg: Message) -> None:
        infer = msg["infer"]
        frames = self._frames
        scope: dict[str, int] | None = infer.get("_markov_scope")
        if scope is None:
            infer["_markov_scope"] = scope = {}
        for names in frames.names[max(0, frames.depth - 1 - self.history) : frames.depth]:
            for name in names:
                scope[name] = scope.get(name, 0) + 1
        infer["_markov_depth"] = infer.get("_markov_depth", 0) + 1
        frames.names[frames.depth - 1].add(msg["name"])

    def _reset(self) -> None:
        STATE.markov.pop(self, None)


@overload
def markov(
    fn: None = None,
    history: int = 1,
    keep: bool = False,
    dim: int | None = None,
    name: str | None = None,
) -> MarkovMessenger: ...
@overload
def markov(
    fn: Callable[..., Any],
    history: int = 1,
    keep: bool = False,
    dim: int | None = None,
    name: str | None = None,
) -> Callable[..., Any]: ...
@overload
def markov(
    fn: Iterable[Any],
    history: int = 1,
    keep: bool = False,
    dim: int | None = None,
    name: str | None = None,
) -> Iterator[Any]: ...
def markov(
    fn: Callable[..., Any] | Iterable[Any] | None = None,
    history: int = 1,
    keep: bool = False,
    dim: int | None = None,
    name: str | None = None,
) -> Any:
    """Declare that sites depend on nothing further back than ``history`` contexts.

    A context manager, a decorator of recursive functions, and an iterator over time steps. Exact
    enumeration then needs ``history + 1`` tensor dims rather than one per step.

    :param fn: A function, or an iterable of time steps.
    :param history: How many contexts back are visible; 0 is like :class:`pyro.plate`.
    :param keep: Whether neighbouring branches of a recursion may depend on each other.

    Example::

        >>> transition = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
        >>> shapes = []
        >>> def model(data):
        ...     x = 0
        ...     for t in pyro.markov(range(len(data))):
        ...         x = pyro.sample(
        ...             f"x_{t}", dist.Categorical(transition[x]), infer={"enumerate": "parallel"}
        ...         )
        ...         pyro.sample(f"y_{t}", dist.Normal(1.0 * x, 1.0), obs=data[t])
        ...         shapes.append(tuple(x.shape))
        >>> poutine.enum(model, first_available_dim=-1)(torch.zeros(4))
        >>> shapes  # two dims for a chain of any length
        [(2,), (2, 1), (2,), (2, 1)]
    """
    handler = MarkovMessenger(history, keep, dim, name)
    if fn is None:
        return handler
    return handler(fn) if callable(fn) else handler.iterate(fn)
