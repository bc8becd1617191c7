"""Errors of inference algorithms."""

from __future__ import annotations

from pyro.errors import PyroError


class InferenceError(PyroError, ValueError):
    """An inference algorithm was given arguments, or a state, that it cannot work with."""


class SubsampleError(InferenceError, NotImplementedError):
    """An algorithm that needs the density of all data was given a model that draws some of them."""


class NonFiniteError(InferenceError):
    """A loss or a gradient is NaN or infinite, and the run that met it does not go on."""
