"""What happens when a loss or a gradient is not finite: a warning, or an error within a run."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pyro.infer.errors import NonFiniteError


class _Policy(threading.local):
    raises = False
    reads = True


_POLICY = _Policy()


@contextmanager
def raising() -> Iterator[None]:
    """Inside, in this thread, what is not finite is an error that stops the step."""
    before, _POLICY.raises = _POLICY.raises, True
    try:
        yield
    finally:
        _POLICY.raises = before


@contextmanager
def unread() -> Iterator[None]:
    """Inside, in this thread, nobody looks at the value of a loss: it is being recorded."""
    before, _POLICY.reads = _POLICY.reads, False
    try:
        yield
    finally:
        _POLICY.reads = before


def is_read() -> bool:
    """Whether values of losses may be looked at."""
    return _POLICY.reads


def report(message: str, stacklevel: int) -> None:
    """Warn, from ``stacklevel`` frames above the caller; or raise inside of :func:`raising`."""
    if _POLICY.raises:
        raise NonFiniteError(message)
    warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)


def check_loss(loss: float | tuple[float, ...]) -> None:
    """Refuse a loss that is not finite inside of :func:`raising`; else accept anything.

    For losses that nobody has looked at: objectives name the site themselves.
    """
    if not _POLICY.raises:
        return
    if not all(map(math.isfinite, loss if isinstance(loss, tuple) else (loss,))):
        raise NonFiniteError(
            f"the loss is {loss}. With pyro.enable_validation(True), an objective names the site."
        )
