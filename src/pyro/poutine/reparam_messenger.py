"""Rewrite sites into equivalent ones that are easier to infer."""

from __future__ import annotations

import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, TypedDict

import torch

from pyro.distributions.delta import Delta
from pyro.distributions.masked import MaskedDistribution
from pyro.poutine import sites
from pyro.poutine.messenger import Messenger
from pyro.runtime import STATE, Message


class ReparamMessage(TypedDict):
    """What a reparameteriser is told of a site."""

    name: str
    fn: Any
    value: torch.Tensor | None
    is_observed: bool | None


class ReparamResult(TypedDict):
    """What a reparameteriser makes of a site."""

    fn: Any
    value: torch.Tensor | None
    is_observed: bool


class Reparam(ABC):
    """A way to rewrite one site; subclasses define :meth:`apply`.

    ``takes_initial_value`` says whether a value that a handler outside chooses for the site, as the
    start of an inference, is of use; else the auxiliary sites get starts of their own.
    """

    takes_initial_value: ClassVar[bool] = True

    @abstractmethod
    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Rewrite a site; auxiliary sites are ordinary ``pyro.sample`` statements made in here.

        :param msg: The site's name, distribution, value (None if it has none yet), and whether it
            is observed.
        :return: The new distribution, value and observation flag. A latent site that has become a
            function of auxiliary ones is returned as observed: under a masked Delta, which makes it
            deterministic, or under the distribution by which the value is still to be scored.
        """

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def __call__(self, name: str, fn: Any, obs: torch.Tensor | None) -> tuple[Any, Any]:
        """The deprecated form of :meth:`apply`."""
        warnings.warn(
            "reparam objects are no longer called; use .apply(msg)", FutureWarning, stacklevel=2
        )
        new = self.apply({"name": name, "fn": fn, "value": obs, "is_observed": obs is not None})
        return new["fn"], new["value"]


Rewriter = Reparam | Callable[[str, Any, torch.Tensor | None], tuple[Any, Any]]
Config = Mapping[str, Rewriter] | Callable[[Message], Rewriter | None]


class ReparamMessenger(Messenger):
    """Apply reparameterisers to sample sites.

    Handlers outside that choose initial values (``InitMessenger``) act on a site before it is
    rewritten. As a function or decorator, the arguments of the program are known to
    reparameterisers that need them.

    :param config: A dict from site names to reparameterisers, or a function from a site to a
        reparameteriser or None.

    Example::

        >>> class Standardized(Reparam):
        ...     "Normal(loc, scale) as loc + scale * Normal(0, 1)."
        ...     def apply(self, msg):
        ...         fn = msg["fn"]
        ...         noise = pyro.sample(msg["name"] + "_noise", dist.Normal(0.0, 1.0))
        ...         value = fn.loc + fn.scale * noise
        ...         delta = dist.Delta(value).mask(False)
        ...         return {"fn": delta, "value": value, "is_observed": True}
        >>> def model():
        ...     return pyro.sample("x", dist.Normal(5.0, 0.1))
        >>> trace = poutine.trace(poutine.reparam(model, config={"x": Standardized()})).get_trace()
        >>> trace.stochastic_nodes
        ['x_noise']
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.args_kwargs: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self.notes: dict[Any, Any] = {}
        self._values: dict[str, Any] = {}

    def __enter__(self) -> Any:
        self.notes, self._values = {}, {}
        return super().__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        self.notes, self._values = {}, {}
        return super().__exit__(exc_type, exc_value, traceback)

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(fn):
            return super().__call__(fn)  # raises
        config = self.config
        updated = () if isinstance(fn, torch.nn.Module) else ("__dict__",)

        @functools.wraps(fn, updated=updated)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            handler = ReparamMessenger(config)
            handler.args_kwargs = args, kwargs
            with handler:
                return fn(*args, **kwargs)

        return wrapped

    def _pyro_sample(self, msg: Message) -> None:
        if sites.is_subsample(msg):
            return
        rewriter = self._rewriter(msg)
        if rewriter is None:
            return
        if getattr(rewriter, "takes_initial_value", True):
            self._initialize(msg)
        old = msg["value"]
        STATE.rewriting.append((self, rewriter))
        try:
            new = _rewrite(rewriter, msg, self.args_kwargs)
        finally:
            STATE.rewriting.pop()
        if old is not None and not msg["is_observed"] and new["value"] is not old:
            warnings.warn(
                f"at site {msg['name']!r}, {rewriter} does not commute with initialization: it "
                "ignores the initial value. Initialise its auxiliary sites instead.",
                RuntimeWarning,
                stacklevel=2,
            )
        if new["is_observed"] and not msg["is_observed"]:
            self._values[msg["name"]] = new["value"]
            if _adds_nothing(new["fn"]):
                msg["infer"]["_deterministic"] = True
        msg["fn"], msg["value"], msg["is_observed"] = new["fn"], new["value"], new["is_observed"]

    def _pyro_post_sample(self, msg: Message) -> None:
        """Notice a value that came from outside after the site had become a function of others."""
        made = self._values.pop(msg["name"], None)
        value = msg["value"]
        if made is None or value is made or _is_close(made, value):
            return
        warnings.warn(
            f"site {msg['name']!r} was reparameterised, and then given another value by a handler "
            "outside (condition, posterior_samples, ...) of which its auxiliary sites do not know. "
            "Reparameterise the conditioned model: poutine.reparam(poutine.condition(model, data), "
            "config); or give values to the auxiliary sites.",
            RuntimeWarning,
            stacklevel=2,
        )

    def _rewriter(self, msg: Message) -> Rewriter | None:
        if isinstance(self.config, Mapping):
            return self.config.get(msg["name"])
        return self.config(msg)

    def _initialize(self, msg: Message) -> None:
        """Let the handlers outside that choose initial values act now."""
        for handler in reversed(STATE.stack[: STATE.stack.index(self)]):
            if getattr(handler, "_initializes", False):
                hook = handler._pre["sample"]
                if hook is not None:
                    hook(handler, msg)


def _adds_nothing(fn: Any) -> bool:
    """Whether a distribution is switched off, as that of a deterministic site is."""
    return isinstance(fn, MaskedDistribution) and fn._mask is False


def _is_close(made: torch.Tensor, value: Any) -> bool:
    """Whether a value is the same up to rounding, as when it was recorded and is given back."""
    value = torch.as_tensor(value).to(dtype=made.dtype, device=made.device)
    return made.shape == value.shape and torch.allclose(
        made, value, rtol=1e-3, atol=1e-5, equal_nan=True
    )


def rewriting() -> tuple[tuple[ReparamMessenger, Rewriter], ...]:
    """The handlers and reparameterisers that are at work in this thread, the outermost first.

    A site that is made now is auxiliary to what they rewrite.
    """
    return tuple(STATE.rewriting)  # type: ignore[arg-type]


def _rewrite(
    rewriter: Rewriter, msg: Message, args_kwargs: tuple[tuple[Any, ...], dict[str, Any]] | None
) -> ReparamResult:
    apply = getattr(rewriter, "apply", None)
    if apply is not None:
        if hasattr(rewriter, "args_kwargs"):
            rewriter.args_kwargs = args_kwargs
        told: ReparamMessage = {
            "name": msg["name"],
            "fn": msg["fn"],
            "value": msg["value"],
            "is_observed": msg["is_observed"],
        }
        result: ReparamResult = apply(told)
        return result
    fn, value = rewriter(msg["name"], msg["fn"], msg["value"])
    if fn is None:
        fn = Delta(value, event_dim=msg["fn"].event_dim).mask(False)
    return {"fn": fn, "value": value, "is_observed": msg["is_observed"] or value is not None}
