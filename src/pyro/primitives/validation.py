"""The switch for all validation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyro import settings

_SWITCHES = (
    "validate_distributions_pyro",
    "validate_distributions_torch",
    "validate_infer",
    "validate_poutine",
)


def enable_validation(is_validate: bool = True) -> None:
    """Switch all checks (of distributions, handlers and inference) on or off; they are on at first.

    Example::

        >>> enable_validation(False)  # production: a few microseconds less per site
        >>> enable_validation(True)
    """
    settings.set(**dict.fromkeys(_SWITCHES, is_validate))


@contextmanager
def validation_enabled(is_validate: bool = True) -> Iterator[None]:
    """All checks on (or off) inside a context.

    Example::

        >>> with validation_enabled(False):
        ...     dist.Normal(0.0, -1.0).scale
        tensor(-1.)
        >>> dist.Normal(0.0, -1.0)
        Traceback (most recent call last):
            ...
        ValueError: ...
    """
    with settings.context(**dict.fromkeys(_SWITCHES, is_validate)):
        yield
