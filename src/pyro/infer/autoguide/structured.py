"""The documented path of :class:`AutoStructured`."""

from __future__ import annotations

from pyro.infer.autoguide.auto_structured import AutoStructured

__all__ = ["AutoStructured"]
