"""Whether functions are compiled, and code is kept in files.

The settings are ``compile_enabled`` and ``compile_cache``; in the environment
``PYRO_COMPILE=0`` and ``PYRO_COMPILE_CACHE=0``.
"""

from __future__ import annotations

import os

from pyro import settings

ENABLED = os.environ.get("PYRO_COMPILE", "1") != "0"
CACHE = os.environ.get("PYRO_COMPILE_CACHE", "1") != "0"


@settings.register("compile_cache", __name__, "CACHE")
@settings.register("compile_enabled", __name__, "ENABLED")
def _check(value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"a switch of the compiler must be True or False, not {value!r}")
