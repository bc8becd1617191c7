"""Whether the support of a latent site depends on other latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.distributions import constraints

from pyro.infer.model.initialization import InitMessenger, init_to_feasible
from pyro.infer.prototype import looking
from pyro.poutine.messenger import Messenger
from pyro.poutine.provenance import ProvenanceTracker
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


def moving_supports(
    model: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
) -> frozenset[str]:
    """The names of the latent sites whose support depends on the value of another latent.

    For these the transform to unconstrained coordinates is a part of the density, and cannot be
    taken from an earlier run.

    Example::

        >>> from pyro.infer.model.supports import moving_supports
        >>> def model():
        ...     alpha = pyro.sample("alpha", dist.Uniform(0.0, 1.0))
        ...     pyro.sample("beta", dist.Uniform(0.0, 1.0 - alpha))
        >>> moving_supports(model)
        frozenset({'beta'})
    """
    with (
        looking(),
        ProvenanceTracker() as tracker,
        InitMessenger(init_to_feasible),  # improper priors cannot be drawn from
        _Watch(tracker) as watch,
    ):
        model(*args, **(kwargs or {}))
    return frozenset(watch.moving)


def may_move(trace: Trace) -> bool:
    """Whether the support of some latent site of a trace, not enumerated, holds tensors at all."""
    latents = (
        site
        for site in trace.nodes.values()
        if is_latent(site) and "_enumerate_dim" not in site["infer"]
    )
    return any(
        tensor is not None
        for site in latents
        for tensor in _tensors(getattr(site["fn"], "support", None), 0)
    )


class _Watch(Messenger):
    def __init__(self, tracker: ProvenanceTracker) -> None:
        self._tracker = tracker
        self.moving: set[str] = set()

    def _pyro_post_sample(self, msg: Message) -> None:
        if not is_latent(msg):
            return
        for bound in _tensors(getattr(msg["fn"], "support", None), 0):
            if self._tracker.of(bound):
                self.moving.add(msg["name"])
        if isinstance(msg["value"], Tensor):
            self._tracker.mark(msg["value"], msg["name"])


def _tensors(constraint: Any, depth: int) -> Iterator[Tensor]:
    """All tensors that a constraint is made of."""
    if isinstance(constraint, Tensor):
        yield constraint
    elif isinstance(constraint, list | tuple):
        for part in constraint:
            yield from _tensors(part, depth + 1)
    elif isinstance(constraint, constraints.Constraint) and depth < 8:
        for part in vars(constraint).values():
            yield from _tensors(part, depth + 1)
