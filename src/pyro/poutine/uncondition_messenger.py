"""Turn observations into draws."""

from __future__ import annotations

from pyro.poutine.messenger import Messenger
from pyro.runtime import Message


class UnconditionMessenger(Messenger):
    """Draw every observed site anew, as in the prior predictive distribution.

    The site keeps what was observed: ``infer["was_observed"]`` is True and ``infer["obs"]`` is the
    observation. Deterministic sites and factors are drawn too, which leaves their values alone.

    Example::

        >>> def model(data):
        ...     p = pyro.sample("p", dist.Delta(torch.tensor(0.0)))
        ...     pyro.sample("x", dist.Bernoulli(p), obs=data)
        >>> trace = poutine.trace(poutine.uncondition(model)).get_trace(torch.tensor(1.0))
        >>> trace.nodes["x"]["value"], trace.nodes["x"]["infer"]["obs"]
        (tensor(0.), tensor(1.))
    """

    def _pyro_sample(self, msg: Message) -> None:
        if msg["is_observed"]:
            msg["is_observed"] = False
            msg["infer"]["was_observed"] = True
            msg["infer"]["obs"] = msg["value"]
            msg["value"] = None
            msg["done"] = False
