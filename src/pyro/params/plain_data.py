"""States as tensors and plain data, which are loaded without running code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pyro.errors import CheckpointError

_PLAIN = (str, bytes, bool, int, float, complex, type(None))
_PLAIN_OF_TORCH = (torch.dtype, torch.device, torch.Size)


def to_plain(value: Any, where: str = "the state") -> Any:
    """A nested state with Counters (the milestones of a schedule) as marked dicts.

    :param where: What it is, for messages.
    :raises CheckpointError: if something in it is no tensor, number, string or container of such.

    Example::

        >>> from collections import Counter
        >>> from pyro.params.plain_data import from_plain, to_plain
        >>> to_plain({"milestones": Counter({5: 1})})
        {'milestones': {'__counter__': {5: 1}}}
        >>> from_plain(_)
        {'milestones': Counter({5: 1})}
    """
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, (*_PLAIN, *_PLAIN_OF_TORCH)):
        return value
    if isinstance(value, Counter):
        return {"__counter__": dict(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [to_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    raise CheckpointError(
        f"{where} is a {type(value).__name__}, which cannot be loaded without running code. "
        "Save tensors, numbers, strings, and lists and dicts of those."
    )


def from_plain(value: Any) -> Any:
    """What :func:`to_plain` was given."""
    if isinstance(value, dict):
        if value.keys() == {"__counter__"}:
            return Counter(value["__counter__"])
        return {key: from_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if type(value) is tuple:
        return tuple(map(from_plain, value))
    return value
