"""Put priors on parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyro.distributions.distribution import Distribution
from pyro.params.names import user_param_name
from pyro.poutine.by_name import ByNameMessenger, UnusedNames
from pyro.runtime import Message

Prior = Callable[..., Any]  # a distribution is callable too


class LiftMessenger(ByNameMessenger):
    """Turn ``pyro.param`` statements into ``pyro.sample`` statements from a prior.

    A parameter that is read again in the same run keeps its value. A name in a dict of priors
    that no parameter bears is warned about.

    :param prior: One distribution for all parameters, or a dict by name (without the module's
        part for parameters of modules). In the place of a distribution there may be a function,
        which is called like ``pyro.param`` but without the name, and whose own sample statements
        take the place of the parameter.

    Example::

        >>> def model():
        ...     scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
        ...     pyro.sample("x", dist.Normal(0.0, scale), obs=torch.tensor(0.5))
        >>> lifted = poutine.lift(model, prior={"scale": dist.LogNormal(0.0, 1.0)})
        >>> poutine.trace(lifted).get_trace().stochastic_nodes
        ['scale']
        >>> "scale" in pyro.get_param_store()
        False
    """

    _keeps_notes = True

    def __init__(self, prior: Prior | Mapping[str, Prior]) -> None:
        self.prior = prior
        named = prior if isinstance(prior, Mapping) else ()
        self._unused = UnusedNames("lift: prior", "params", named)
        self._values: dict[str, Any] = {}

    def __enter__(self) -> Any:
        self._values = {}
        return super().__enter__()

    def _reset(self) -> None:
        self._values = {}

    def _pyro_param(self, msg: Message) -> None:
        name = msg["name"]
        prior = self._prior_of(name)
        if prior is None:
            return
        if name in self._values:
            msg["value"] = self._values[name]
            msg["done"] = msg["stop"] = True
        elif isinstance(prior, Distribution):
            msg["type"] = "sample"
            msg["fn"] = prior
            msg["args"], msg["kwargs"] = (), {}
        else:
            msg["value"] = self._values[name] = prior(*msg["args"][1:], **msg["kwargs"])
            msg["done"] = msg["stop"] = True

    def _pyro_post_sample(self, msg: Message) -> None:
        if self._prior_of(msg["name"]) is msg["fn"] is not None:
            self._values[msg["name"]] = msg["value"]

    def _prior_of(self, name: str) -> Prior | None:
        if not isinstance(self.prior, Mapping):
            return self.prior
        key = name if name in self.prior else user_param_name(name)
        self._unused.used(key)
        return self.prior.get(key)
