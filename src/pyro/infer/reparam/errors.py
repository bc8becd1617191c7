"""Errors of reparameterisers."""

from __future__ import annotations

from pyro.errors import PyroError


class ReparamError(PyroError, NotImplementedError):
    """A site cannot be rewritten in the way that was asked for."""
