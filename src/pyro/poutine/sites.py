"""What kind of site a message or a trace node is: the one home of these questions."""

from __future__ import annotations

from typing import Any

from pyro.distributions.unit import Unit
from pyro.poutine.subsample import _Subsample
from pyro.runtime import Message


def is_sample(site: Message) -> bool:
    """A ``pyro.sample`` statement, latent or observed (deterministic sites and factors too)."""
    return site["type"] == "sample"


def is_param(site: Message) -> bool:
    """A ``pyro.param`` statement."""
    return site["type"] == "param"


def is_subsample(site: Message) -> bool:
    """The site at which a plate draws its indices."""
    return isinstance(site["fn"], _Subsample)


def is_observed(site: Message) -> bool:
    """A sample site with a given value."""
    return site["type"] == "sample" and site["is_observed"]


def is_stochastic(site: Message) -> bool:
    """A sample site without a given value, plates' index draws included."""
    return site["type"] == "sample" and not site["is_observed"]


def is_latent(site: Message) -> bool:
    """A random variable to be inferred: unobserved, and not a plate's index draw."""
    return is_stochastic(site) and not is_subsample(site)


def is_deterministic(site: Message) -> bool:
    """A ``pyro.deterministic`` statement."""
    return bool(site["infer"].get("_deterministic", False))


def is_factor(site: Message) -> bool:
    """A ``pyro.factor`` statement: its distribution is a ``Unit``, perhaps masked or expanded."""
    fn: Any = site["fn"]
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    return isinstance(fn, Unit)


def is_reparameterized(site: Message) -> bool:
    """A latent site whose value is a differentiable function of its parameters."""
    return is_stochastic(site) and bool(getattr(site["fn"], "has_rsample", False))


def is_auxiliary(site: Message) -> bool:
    """A site that the guide has for itself and the model lacks."""
    return bool(site["infer"].get("is_auxiliary", False))
