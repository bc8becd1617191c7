"""All of Pyro in one file: effects, handlers, parameters, an ELBO and SVI.

Read it from top to bottom to understand how the system works; the real modules do the same with
more checks, more handlers and more speed. It is a working system: programs that keep to the names
below run on it unchanged (``import pyro.contrib.minipyro as pyro``).

The idea: a program calls *statements* (``sample``, ``param``). Each call becomes a *message*, a
dict, that every *handler* on a stack sees and may change, and that ends up with a value. All that
inference does to a program, from recording it to replacing its choices, is a handler.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch.distributions import constraints, transform_to

Message = dict[str, Any]
Trace = dict[str, Message]


# --- Effects: statements become messages, handlers see them ------------------------------------


class _Stack(threading.local):
    """The handlers that are active in this thread, outermost first."""

    def __init__(self) -> None:
        self.handlers: list[Messenger] = []


STACK = _Stack()


class Messenger:
    """A handler: a context manager that sees the messages of the program run inside of it.

    ``process_message`` runs before a message has its value, innermost handler first;
    ``postprocess_message`` runs after, outermost first.
    """

    def __init__(self, fn: Callable[..., Any] | None = None) -> None:
        self.fn = fn

    def __enter__(self) -> Any:
        STACK.handlers.append(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        del STACK.handlers[STACK.handlers.index(self) :]  # and whatever an exception left above

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the wrapped function under the handler."""
        assert self.fn is not None
        with self:
            return self.fn(*args, **kwargs)

    def process_message(self, msg: Message) -> None:
        """Change a message on its way out."""

    def postprocess_message(self, msg: Message) -> None:
        """See a message, now with a value, on its way back in."""


def apply_stack(msg: Message) -> Any:
    """Show a message to the handlers and return the value it ends up with."""
    reached: list[Messenger] = []
    for handler in reversed(STACK.handlers):
        reached.append(handler)
        handler.process_message(msg)
        if msg["stop"]:
            break
    if msg["value"] is None:
        msg["value"] = msg["fn"](*msg["args"])
    for handler in reversed(reached):
        handler.postprocess_message(msg)
    return msg["value"]


# --- Statements --------------------------------------------------------------------------------


def _statement(
    kind: str, name: str, fn: Any, args: tuple[Any, ...], value: Any = None, **more: Any
) -> Any:
    msg = {"type": kind, "name": name, "fn": fn, "args": args, "value": value}
    return apply_stack(msg | {"plates": (), "stop": False} | more)


def sample(
    name: str, fn: Callable[..., Any], *args: Any, obs: Any = None, infer: Any = None
) -> Any:
    """Draw from a distribution, or observe a value under it."""
    if obs is not None and not torch.is_tensor(obs):
        obs = torch.tensor(float(obs))
    return _statement(
        "sample", name, fn, args, obs, is_observed=obs is not None, infer=infer or {}, scale=1.0
    )


def param(
    name: str,
    init_value: Any = None,
    constraint: constraints.Constraint = constraints.real,
    event_dim: int | None = None,
) -> torch.Tensor:
    """Declare a learnable parameter, or read it; ``event_dim`` is accepted and not needed here."""
    value: torch.Tensor = _statement("param", name, PARAM_STORE.get, (name, init_value, constraint))
    return value


class ParamStore:
    """Learnable parameters by name: stored unconstrained, read constrained."""

    def __init__(self) -> None:
        self._leaves: dict[str, tuple[torch.Tensor, constraints.Constraint]] = {}

    def get(
        self, name: str, init: Any = None, constraint: constraints.Constraint = constraints.real
    ) -> torch.Tensor:
        """The constrained value; its ``unconstrained()`` is the leaf that optimisers work on."""
        if name not in self._leaves:
            if init is None:
                raise KeyError(f"param {name!r} has no initial value")
            value = torch.as_tensor(init() if callable(init) else init).detach()
            leaf = transform_to(constraint).inv(value).clone().requires_grad_()
            self._leaves[name] = leaf, constraint
        leaf, constraint = self._leaves[name]
        constrained: torch.Tensor = transform_to(constraint)(leaf)
        constrained.unconstrained = lambda: leaf  # type: ignore[attr-defined]
        return constrained

    def clear(self) -> None:
        """Forget everything."""
        self._leaves.clear()

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves)


PARAM_STORE = ParamStore()


def get_param_store() -> ParamStore:
    """The global parameter store."""
    return PARAM_STORE


def clear_param_store() -> None:
    """Forget all parameters."""
    PARAM_STORE.clear()


# --- Handlers ----------------------------------------------------------------------------------


class trace(Messenger):  # noqa: N801
    """Record the messages of a program by name."""

    def __enter__(self) -> Trace:
        super().__enter__()
        self.trace: Trace = {}
        return self.trace

    def postprocess_message(self, msg: Message) -> None:
        name = msg["name"]
        if name in self.trace and not msg["type"] == self.trace[name]["type"] == "param":
            raise RuntimeError(f"Multiple sites named {name!r}: every statement needs its own name")
        self.trace[name] = msg.copy()

    def get_trace(self, *args: Any, **kwargs: Any) -> Trace:
        """Run the function and return the record."""
        self(*args, **kwargs)
        return self.trace


class replay(Messenger):  # noqa: N801
    """Give latent sites the values that they have in a trace."""

    def __init__(self, fn: Callable[..., Any] | None = None, trace: Trace | None = None) -> None:
        super().__init__(fn)
        self.trace = trace or {}

    def process_message(self, msg: Message) -> None:
        if msg["type"] == "sample" and not msg["is_observed"] and msg["name"] in self.trace:
            msg["value"] = self.trace[msg["name"]]["value"]


class condition(Messenger):  # noqa: N801
    """Observe sites at the given values."""

    def __init__(
        self, fn: Callable[..., Any] | None = None, data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(fn)
        self.data = data or {}

    def process_message(self, msg: Message) -> None:
        if msg["type"] == "sample" and msg["name"] in self.data:
            msg["value"] = self.data[msg["name"]]
            msg["is_observed"] = True


class block(Messenger):  # noqa: N801
    """Hide messages from the handlers outside; all of them by default."""

    def __init__(
        self,
        fn: Callable[..., Any] | None = None,
        hide_fn: Callable[[Message], bool] = lambda msg: True,
    ) -> None:
        super().__init__(fn)
        self.hide_fn = hide_fn

    def process_message(self, msg: Message) -> None:
        msg["stop"] = msg["stop"] or self.hide_fn(msg)


class scale(Messenger):  # noqa: N801
    """Multiply log-probabilities."""

    def __init__(self, fn: Callable[..., Any] | None = None, scale: float = 1.0) -> None:
        super().__init__(fn)
        self.scale = scale

    def process_message(self, msg: Message) -> None:
        if msg["type"] == "sample":
            msg["scale"] = msg["scale"] * self.scale


class seed(Messenger):  # noqa: N801
    """Run under a seed and leave the random generator as it was."""

    def __init__(self, fn: Callable[..., Any] | None = None, rng_seed: int = 0) -> None:
        super().__init__(fn)
        self.rng_seed = rng_seed

    def __enter__(self) -> Any:
        self.saved = torch.get_rng_state()
        torch.manual_seed(self.rng_seed)
        return super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        torch.set_rng_state(self.saved)
        super().__exit__(*exc_info)


# --- Plates ------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """A plate as a site sees it."""

    name: str
    dim: int
    size: int


class PlateMessenger(Messenger):
    """Independent sites along one batch dim: expand them to its size, and scale a subsample."""

    def __init__(
        self, name: str, size: int, subsample_size: int | None = None, dim: int | None = None
    ) -> None:
        super().__init__()
        self.name, self.size, self.dim = name, size, dim
        subsample = min(size, subsample_size or size)
        self.indices = torch.randperm(size)[:subsample] if subsample < size else torch.arange(size)

    def __enter__(self) -> torch.Tensor:
        taken = [handler.dim for handler in STACK.handlers if isinstance(handler, PlateMessenger)]
        if self.dim is None:
            self.dim = next(dim for dim in range(-1, -len(taken) - 2, -1) if dim not in taken)
        if self.dim in taken:
            raise ValueError(f"plate {self.name!r}: dim {self.dim} is in use by another plate")
        super().__enter__()
        return self.indices

    def __iter__(self) -> Iterator[int]:
        """The sequential plate: one copy of the body per index, scaled."""
        for i in self.indices.tolist():
            with scale(scale=self.size / len(self.indices)):
                yield i

    def process_message(self, msg: Message) -> None:
        if msg["type"] != "sample":
            return
        assert self.dim is not None
        size = len(self.indices)
        msg["plates"] = (Frame(self.name, self.dim, size), *msg["plates"])
        msg["scale"] = msg["scale"] * self.size / size
        shape = list(msg["fn"].batch_shape)
        shape = [1] * (-self.dim - len(shape)) + shape
        if shape[self.dim] not in (1, size):
            raise ValueError(
                f"Shape mismatch inside plate({self.name!r}) at site {msg['name']} dim {self.dim}, "
                f"{shape[self.dim]} vs {size}"
            )
        shape[self.dim] = size
        msg["fn"] = msg["fn"].expand(torch.Size(shape))


def plate(
    name: str, size: int, subsample_size: int | None = None, dim: int | None = None
) -> PlateMessenger:
    """Declare that the sites inside are independent: as a context, or as an iterator."""
    return PlateMessenger(name, size, subsample_size, dim)


# --- Inference ---------------------------------------------------------------------------------


def log_prob_sum(sites: Trace) -> torch.Tensor:
    """The log density of a recorded run."""
    total = torch.zeros(())
    for site in sites.values():
        if site["type"] == "sample":
            total = total + (site["scale"] * site["fn"].log_prob(site["value"])).sum()
    return total


def elbo(
    model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any
) -> torch.Tensor:
    """Minus the evidence lower bound, estimated from one run of the guide.

    Its value is ``-(log p(x, z) - log q(z))``. Where a site of the guide is not reparameterised the
    gradient needs the score function term ``(log p - log q).detach() * grad log q``; it is added in
    such a way that it leaves the value alone.
    """
    guide_trace = trace(guide).get_trace(*args, **kwargs)
    model_trace = trace(replay(model, guide_trace)).get_trace(*args, **kwargs)
    log_r = log_prob_sum(model_trace) - log_prob_sum(guide_trace)
    scores = {
        name: site
        for name, site in guide_trace.items()
        if site["type"] == "sample" and not getattr(site["fn"], "has_rsample", False)
    }
    score = log_prob_sum({name: site | {"scale": 1.0} for name, site in scores.items()})
    return -(log_r + log_r.detach() * (score - score.detach()))


def Trace_ELBO(**options: Any) -> Callable[..., torch.Tensor]:
    """The ELBO with ``num_particles`` samples."""
    num_particles = int(options.get("num_particles", 1))

    def loss(*args: Any, **kwargs: Any) -> torch.Tensor:
        return torch.stack([elbo(*args, **kwargs) for _ in range(num_particles)]).mean()

    return loss


class Adam:
    """Adam on the parameters it is called with; new ones may appear at any time."""

    def __init__(self, optim_args: dict[str, Any]) -> None:
        self.optim_args = optim_args
        self.optimizers: dict[torch.Tensor, torch.optim.Adam] = {}

    def __call__(self, params: Iterable[torch.Tensor]) -> None:
        for leaf in params:
            if leaf not in self.optimizers:
                self.optimizers[leaf] = torch.optim.Adam([leaf], **self.optim_args)
            self.optimizers[leaf].step()


class SVI:
    """Stochastic variational inference: descend the loss in the parameters of model and guide."""

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        optim: Adam,
        loss: Callable[..., torch.Tensor],
    ) -> None:
        self.model, self.guide, self.optim, self.loss = model, guide, optim, loss

    def step(self, *args: Any, **kwargs: Any) -> float:
        """One gradient step; returns the loss."""
        with trace() as statements, block(hide_fn=lambda msg: msg["type"] == "sample"):
            loss = self.loss(self.model, self.guide, *args, **kwargs)
        loss.backward()
        leaves = [s["value"].unconstrained() for s in statements.values() if s["type"] == "param"]
        self.optim(leaves)
        for leaf in leaves:
            leaf.grad = None
        return float(loss.detach())

    def evaluate_loss(self, *args: Any, **kwargs: Any) -> float:
        """The loss without a step."""
        with torch.no_grad():
            return float(self.loss(self.model, self.guide, *args, **kwargs))
