"""What LLVM makes for most programs, while Python does something else."""

from __future__ import annotations

import functools
import threading

from pyro.compile.cache import objects
from pyro.compile.jit import machine
from pyro.compile.math import FUNCTIONS, Definition, provide
from pyro.logger import log

_FUNCTIONS = (("uniform", "ndtri"), ("exp",), ("log",), ("log1p_of_fraction",))
"""Those of random numbers first, which are made together; most densities call the others."""


@functools.cache
def warm_up() -> threading.Thread:
    """Begin, in a thread of its own, to make what a program with random numbers will need.

    Only the first call of a process does something. Nobody has to wait for the thread: what it has
    not made yet is waited for, or made, by whoever needs it.

    Example::

        >>> from pyro.compile.warm_up import warm_up
        >>> warm_up() is warm_up()
        True
    """
    thread = threading.Thread(target=_make, name="pyro-warm-up")
    thread.start()
    return thread


def _make() -> None:
    try:
        target = machine().target
        for names in _FUNCTIONS:
            needed = [Definition(FUNCTIONS[name], target.width, target.fused) for name in names]
            provide(needed, objects())
    except Exception as error:  # whoever needs it will be told
        log.debug("no functions were made ahead of time: %r", error)
