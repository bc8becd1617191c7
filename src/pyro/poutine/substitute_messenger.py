"""Replace the values of parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from pyro.params.names import user_param_name
from pyro.poutine.by_name import ByNameMessenger, UnusedNames
from pyro.poutine.observation import as_observation
from pyro.runtime import Message


class SubstituteMessenger(ByNameMessenger):
    """Give the named ``pyro.param`` statements these values instead of the store's.

    The store is neither read nor written. Names of no parameter of the program are warned about.

    :param data: Constrained values by name; parameters of modules may be named with or without the
        module's part.

    Example::

        >>> def model():
        ...     return pyro.param("loc", torch.tensor(0.0)) + 1.0
        >>> poutine.substitute(model, data={"loc": 0.5})()
        tensor(1.5000)
        >>> "loc" in pyro.get_param_store()
        False
    """

    def __init__(self, data: Mapping[str, torch.Tensor | float]) -> None:
        self.data = {name: as_observation(value, None) for name, value in data.items()}
        self._unused = UnusedNames("substitute", "param", data)

    def _pyro_param(self, msg: Message) -> None:
        name = msg["name"] if msg["name"] in self.data else user_param_name(msg["name"])
        if name in self.data:
            self._unused.used(name)
            msg["value"] = self.data[name]
            msg["done"] = True
