"""The deprecated path of :mod:`pyro.infer.autoguide`: each of its names, with a warning."""

from __future__ import annotations

import warnings
from typing import Any

from pyro.infer import autoguide


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(autoguide, name)
    warnings.warn(
        f"pyro.contrib.autoguide is deprecated; use pyro.infer.autoguide.{name}",
        DeprecationWarning,
        stacklevel=2,
    )
    return value
