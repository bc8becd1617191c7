"""What chooses reparameterisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pyro.poutine.reparam_messenger import ReparamMessenger, Rewriter
from pyro.runtime import Message


class Strategy(ABC):
    """A rule that says which sites are reparameterised, and how; subclasses define `configure`.

    An instance is used as a decorator, or as the ``config`` of :func:`pyro.poutine.reparam`. Its
    choices are made in the first run of the model and kept in ``config``, a dict by name of site,
    which can itself be given to :func:`pyro.poutine.reparam`.

    Example::

        >>> from pyro.infer.reparam import LocScaleReparam
        >>> from pyro.infer.reparam.strategies import Strategy
        >>> class DecenterNormals(Strategy):
        ...     "Non-centred form for all latent normal variables."
        ...     def configure(self, msg):
        ...         if type(msg["fn"]) is dist.Normal and not msg["is_observed"]:
        ...             if not msg["name"].endswith("_decentered"):
        ...                 return LocScaleReparam(0.0)
        >>> @DecenterNormals()
        ... def model():
        ...     return pyro.sample("x", dist.Normal(3.0, 2.0))
        >>> poutine.trace(model).get_trace().stochastic_nodes
        ['x_decentered']
    """

    def __init__(self) -> None:
        self.config: dict[str, Rewriter | None] = {}

    @abstractmethod
    def configure(self, msg: Message) -> Rewriter | None:
        """Choose for one site; called in the first run of the model, once for each name.

        :param msg: The sample site. Auxiliary sites of reparameterisers are asked about too.
        :return: A reparameteriser, or None to leave the site alone.
        """

    def __call__(self, msg_or_fn: Any) -> Any:
        """The choice for a site, which is then kept; or a model, reparameterised."""
        if isinstance(msg_or_fn, dict):
            return self._choice(msg_or_fn)  # type: ignore[arg-type]
        model: Callable[..., Any] = ReparamMessenger(config=self)(msg_or_fn)
        return model

    def _choice(self, msg: Message) -> Rewriter | None:
        name = msg["name"]
        if name not in self.config:
            self.config[name] = self.configure(msg)
        return self.config[name]
