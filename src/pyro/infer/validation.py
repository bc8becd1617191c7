"""The switch for the checks of inference algorithms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyro import settings

VALIDATE = __debug__
settings.register("validate_infer", __name__, "VALIDATE")


def enable_validation(is_validate: bool = True) -> None:
    """Switch the checks of models and guides by inference algorithms on or off.

    Example::

        >>> enable_validation(False)
        >>> is_validation_enabled()
        False
        >>> enable_validation(True)
    """
    settings.set(validate_infer=is_validate)


def is_validation_enabled() -> bool:
    """Whether inference algorithms check models and guides.

    Example::

        >>> is_validation_enabled()
        True
    """
    return VALIDATE


@contextmanager
def validation_enabled(is_validate: bool = True) -> Iterator[None]:
    """The checks of inference algorithms on (or off) inside a context."""
    with settings.context(validate_infer=is_validate):
        yield
