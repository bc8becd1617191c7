"""The documented home of the base of all reparameterisers."""

from __future__ import annotations

from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult

__all__ = ["Reparam", "ReparamMessage", "ReparamResult"]
