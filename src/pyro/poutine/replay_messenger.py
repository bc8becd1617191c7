"""Run a program with the choices of an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pyro.errors import HandlerError, ReplayError
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Infer, Message


class ReplayMessenger(Messenger):
    """Give each unobserved site the value (and ``infer`` options) it has in a trace.

    Sites that the trace lacks run normally; sites that are observed keep their observation.

    :param trace: The trace whose values are reused.
    :param params: Values of ``pyro.param`` statements by name (constrained).
    :raises ReplayError: if the trace has no sampled value where one is needed.

    Example::

        >>> def model():
        ...     return pyro.sample("z", dist.Normal(0.0, 1.0))
        >>> trace = poutine.trace(model).get_trace()
        >>> bool(poutine.replay(model, trace=trace)() == trace.nodes["z"]["value"])
        True
    """

    def __init__(
        self, trace: Trace | None = None, params: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        if trace is None and params is None:
            raise HandlerError("replay needs a trace or params: poutine.replay(fn, trace=...)")
        self.trace = trace
        self.params = params
        self._nodes: Mapping[str, Message] = {} if trace is None else trace.nodes

    def _pyro_sample(self, msg: Message) -> None:
        node = self._nodes.get(msg["name"])
        if node is None or msg["is_observed"]:
            return
        if node["type"] != "sample" or node["is_observed"]:
            found: Any = "an observed site" if node["type"] == "sample" else f"a {node['type']}"
            raise ReplayError(
                f"site {msg['name']} must be sampled in trace, but there it is {found}. A guide "
                "must contain pyro.sample statements without obs for the model's latent sites."
            )
        msg["value"] = node["value"]
        msg["infer"] = _merged(node["infer"], msg["infer"])
        msg["done"] = True

    def _pyro_param(self, msg: Message) -> None:
        if self.params is not None and msg["name"] in self.params:
            value = self.params[msg["name"]]
            if not hasattr(value, "unconstrained"):
                raise ReplayError(
                    f"param {msg['name']!r}: replay needs a value made by pyro.param, that has "
                    ".unconstrained(). To put in any tensor use poutine.substitute."
                )
            msg["value"] = value
            msg["done"] = True


_OWN = ("_markov_depth", "_markov_scope")  # they tell where the site stands in *this* program


def _merged(recorded: Infer, here: Infer) -> Infer:
    """The recorded options (a copy, for handlers write into it), but this site's own place."""
    merged = recorded.copy()
    for key in _OWN:
        merged.pop(key, None)
        if key in here:
            merged[key] = here[key]
    return merged
