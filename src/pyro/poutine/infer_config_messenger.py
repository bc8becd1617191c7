"""Set inference options of sites from outside."""

from __future__ import annotations

from collections.abc import Callable

from pyro.poutine.messenger import Messenger
from pyro.runtime import Infer, Message


class InferConfigMessenger(Messenger):
    """Update the ``infer`` dict of each sample and param site with what a function returns.

    :param config_fn: Maps a site to a dict of options.

    Example::

        >>> def model():
        ...     pyro.sample("z", dist.Bernoulli(0.5))
        >>> marked = poutine.infer_config(model, config_fn=lambda site: {"enumerate": "parallel"})
        >>> poutine.trace(marked).get_trace().nodes["z"]["infer"]
        {'enumerate': 'parallel'}
    """

    def __init__(self, config_fn: Callable[[Message], Infer]) -> None:
        self.config_fn = config_fn

    def _pyro_sample(self, msg: Message) -> None:
        msg["infer"].update(self.config_fn(msg))

    def _pyro_param(self, msg: Message) -> None:
        msg["infer"].update(self.config_fn(msg))
