"""Turn latent sites into observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pyro.poutine.by_name import ByNameMessenger, UnusedNames
from pyro.poutine.observation import as_observation
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class ConditionMessenger(ByNameMessenger):
    """Observe the named sites at the given values, whether they were observed before or not.

    A value of None un-observes a site. Names that no site bears are warned about once.

    :param data: Values by site name, or a trace whose sample sites have them.

    Example::

        >>> def model():
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     return pyro.sample("x", dist.Normal(z, 1.0))
        >>> conditioned = pyro.condition(model, data={"x": torch.tensor(0.5)})
        >>> conditioned()
        tensor(0.5000)
    """

    def __init__(self, data: Mapping[str, torch.Tensor | None] | Trace) -> None:
        self.data = data
        self._nodes = data.nodes if isinstance(data, Trace) else None
        self._unused = UnusedNames(
            "condition", "sample site", () if isinstance(data, Trace) else data
        )

    def _pyro_sample(self, msg: Message) -> None:
        name = msg["name"]
        if name not in self.data:
            return
        value: Any = self.data[name] if self._nodes is None else self._nodes[name]["value"]  # type: ignore[index]
        msg["value"] = value = as_observation(value, msg["fn"])
        msg["is_observed"] = value is not None
        self._unused.used(name)
