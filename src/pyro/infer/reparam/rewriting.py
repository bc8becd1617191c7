"""What reparameterisers share: taking distributions apart, and making sites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from pyro.distributions.delta import Delta
from pyro.distributions.expanded import ExpandedDistribution
from pyro.distributions.independent import Independent
from pyro.distributions.masked import MaskedDistribution
from pyro.infer.reparam.errors import ReparamError
from pyro.ops.shapes import broadcast_shape
from pyro.poutine.reparam_messenger import ReparamMessage, ReparamResult
from pyro.primitives.sample import sample
from pyro.runtime import get_plates

Wrap = Callable[[Any], Any]

_WRAPPERS: dict[type, Callable[[Any], Wrap]] = {
    Independent: lambda fn: lambda d: d.to_event(fn.reinterpreted_batch_ndims),
    MaskedDistribution: lambda fn: lambda d: d.mask(fn._mask),
    ExpandedDistribution: lambda fn: lambda d: d.expand(fn.batch_shape),
}


class Peeled(NamedTuple):
    """A family, and what puts ``to_event``, ``mask`` and ``expand`` around it again."""

    core: Any
    wrap: Wrap


def peel(fn: Any) -> Peeled:
    """The family inside of ``to_event``, ``mask`` and ``expand``.

    ``wrap`` does to another distribution of the batch shape of the core what was done to the core.
    """
    wraps: list[Wrap] = []
    while type(fn) in _WRAPPERS:
        wraps.append(_WRAPPERS[type(fn)](fn))
        fn = fn.base_dist

    def wrap(d: Any) -> Any:
        for outer in reversed(wraps):
            d = outer(d)
        return d

    return Peeled(fn, wrap)


def peel_to(msg: ReparamMessage, owner: object, *families: type) -> Peeled:
    """:func:`peel`, for a site that must be of one of some families.

    :raises ReparamError: naming the site, if it is not.
    """
    peeled = peel(msg["fn"])
    if not isinstance(peeled.core, families):
        names = " or ".join(family.__name__ for family in families)
        raise refusal(msg, owner, f"needs a {names}, but got {type(peeled.core).__name__}")
    return peeled


def refusal(msg: ReparamMessage, owner: object, why: str) -> ReparamError:
    """An error that names the site and the reparameteriser."""
    return ReparamError(f"at site {msg['name']!r}, {type(owner).__name__} {why}")


def require_latent(msg: ReparamMessage, owner: object, instead: str = "") -> None:
    """Refuse an observed site.

    :raises ReparamError: if the site is observed.
    """
    if msg["is_observed"]:
        why = "does not support observe statements: it rewrites latent sites only"
        raise refusal(msg, owner, why + (f". {instead}" if instead else ""))


def auxiliary(name: str, fn: Any, initial: Tensor | None, is_observed: bool = False) -> Tensor:
    """A sample statement with, perhaps, a value to start from, or an observed one."""
    value: Tensor = sample(name, fn, obs=initial, infer={"is_observed": is_observed})
    return value


def function_of(
    msg: ReparamMessage,
    name: str,
    fn: Any,
    forward: Callable[[Tensor], Tensor],
    inverse: Callable[[Tensor], Tensor | None],
) -> ReparamResult:
    """Rewrite a latent site as a function of one auxiliary site.

    An initial value of the site becomes the start of the auxiliary one, by ``inverse``, and is kept
    as it is unless a handler gives the auxiliary site another value.
    """
    old = msg["value"]
    start = None if old is None else inverse(old)
    drawn = auxiliary(name, fn, start)
    value = forward(drawn) if old is None or start is None or drawn is not start else old
    return deterministic(msg, value)


def deterministic(msg: ReparamMessage, value: Tensor) -> ReparamResult:
    """What becomes of a site whose value is now a function of others."""
    fn = Delta(value, event_dim=msg["fn"].event_dim).mask(False)
    return {"fn": fn, "value": value, "is_observed": True}


def unchanged(msg: ReparamMessage) -> ReparamResult:
    """A site that stays as it is."""
    observed = bool(msg["is_observed"])
    return {"fn": msg["fn"], "value": msg["value"], "is_observed": observed}


def in_plates(fn: Any) -> Any:
    """A distribution expanded to the plates around."""
    sizes = {f.dim: f.size for f in get_plates() if f.dim is not None and f.size != -1}
    plates = tuple(sizes.get(dim, 1) for dim in range(min(sizes, default=0), 0))
    shape = broadcast_shape(fn.batch_shape, plates)
    expanded = fn.expand(shape)
    if expanded.has_rsample != fn.has_rsample:
        expanded.has_rsample_(fn.has_rsample)
    return expanded
