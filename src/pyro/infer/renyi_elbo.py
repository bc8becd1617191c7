"""The documented path of :class:`RenyiELBO`."""

from __future__ import annotations

from pyro.infer.elbo.renyi_elbo import RenyiELBO

__all__ = ["RenyiELBO"]
