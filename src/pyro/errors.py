"""The one exception tree of Pyro.

Every error that Pyro raises on purpose derives from :class:`PyroError` *and* from the built-in
exception that programs written for Pyro already catch (``ValueError``, ``RuntimeError``, ...).
A message names the site or the argument, shows the shapes or values, and says what to try.
"""

from __future__ import annotations


class PyroError(Exception):
    """Base of all errors that Pyro raises on purpose."""


class SiteError(PyroError, ValueError):
    """A statement in a model or guide was given something it cannot work with."""


class ShapeError(PyroError, ValueError):
    """Shapes of a site, a plate or a parameter do not fit together."""


class DuplicateSiteError(PyroError, RuntimeError):
    """Two statements of one program run share a name."""


class ReplayError(PyroError, RuntimeError):
    """A trace cannot be replayed in this program."""


class ParamNotFoundError(PyroError, KeyError):
    """A parameter was asked for that has never been initialised."""

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return str(self.args[0]) if self.args else ""


class ParamConstraintError(PyroError, ValueError):
    """A parameter's value lies outside its constraint, or it is re-declared differently."""


class CheckpointError(PyroError, ValueError):
    """A file does not hold what it should hold, or holds what is not safe to load."""


class HandlerError(PyroError, ValueError):
    """An effect handler was used in a way that has no meaning."""


class EmptyPlateError(PyroError, ZeroDivisionError):
    """A plate was given the size zero."""


class NativeLibraryError(PyroError, RuntimeError):
    """The compiled samplers are absent, or not those of this version."""


class SamplerConfigError(PyroError, ValueError):
    """A sampler was configured with a value that has no meaning."""


class DensityError(PyroError, RuntimeError):
    """A log density failed at a position, which ends the run of its chain."""
