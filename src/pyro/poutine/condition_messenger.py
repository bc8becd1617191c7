"""Turn latent sites into observations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import torch

from pyro.poutine.messenger import Messenger
from pyro.poutine.observation import as_observation
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class ConditionMessenger(Messenger):
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
        self._unmatched = set() if isinstance(data, Trace) else set(data)

    def _pyro_sample(self, msg: Message) -> None:
        name = msg["name"]
        if name not in self.data:
            return
        value: Any = self.data[name] if self._nodes is None else self._nodes[name]["value"]  # type: ignore[index]
        msg["value"] = value = as_observation(value)
        msg["is_observed"] = value is not None
        self._unmatched.discard(name)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._unmatched and exc_type is None:
            names = ", ".join(repr(name) for name in sorted(self._unmatched))
            self._unmatched = set()
            warnings.warn(
                f"condition: no sample site was named {names} in this run. If the name is right "
                "and the site lies in a branch that was not taken, ignore this.",
                UserWarning,
                stacklevel=3,
            )
        return super().__exit__(exc_type, exc_value, traceback)
