"""Errors of inference algorithms."""

from __future__ import annotations

from pyro.errors import PyroError


class InferenceError(PyroError, ValueError):
    """An inference algorithm was given arguments, or a state, that it cannot work with."""
