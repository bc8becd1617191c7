"""Tie sites together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyro.distributions.delta import Delta
from pyro.poutine.messenger import Messenger
from pyro.runtime import Message


class EqualizeMessenger(Messenger):
    """Give all sites whose names match the value of the first of them.

    Later sample sites become deterministic; with ``keep_dist`` they become observations under
    their own distributions. Later parameters take the first one's value.

    :param sites: A regular expression, or several; all names that match one of them in full are
        tied together.
    :param type: The type of the sites, "sample" or "param".
    :param keep_dist: Whether later sites keep their distributions.

    Example::

        >>> def model():
        ...     return [pyro.sample(f"scale_{t}", dist.LogNormal(0.0, 1.0)) for t in range(3)]
        >>> one, two, three = poutine.equalize(model, sites=r"scale_.*")()
        >>> bool(one == two), bool(two == three)
        (True, True)
    """

    _keeps_notes = True

    def __init__(
        self, sites: str | Sequence[str], type: str = "sample", keep_dist: bool = False
    ) -> None:
        patterns = [sites] if isinstance(sites, str) else sites
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self.type = type
        self.keep_dist = keep_dist
        self._value: list[Any] = []  # of the first match, once there was one

    def __enter__(self) -> Any:
        self._value = []
        return super().__enter__()

    def _reset(self) -> None:
        self._value = []

    def _process_message(self, msg: Message) -> None:
        if not self._value or not self._matches(msg):
            return
        msg["value"] = value = self._value[0]
        msg["done"] = True
        if msg["type"] == "sample":
            msg["is_observed"] = True
            if not self.keep_dist:
                event_dim = getattr(msg["fn"], "event_dim", 0)
                msg["fn"] = Delta(value, event_dim=event_dim).mask(False)
                msg["infer"]["_deterministic"] = True

    def _postprocess_message(self, msg: Message) -> None:
        if not self._value and self._matches(msg):
            self._value = [msg["value"]]

    def _matches(self, msg: Message) -> bool:
        if msg["type"] != self.type:
            return False
        return any(pattern.fullmatch(msg["name"]) for pattern in self._patterns)
