"""Whether functions are compiled: the setting ``compile_enabled``, and ``PYRO_COMPILE=0``."""

from __future__ import annotations

import os

from pyro import settings

ENABLED = os.environ.get("PYRO_COMPILE", "1") != "0"


@settings.register("compile_enabled", __name__, "ENABLED")
def _check(value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"compile_enabled must be True or False, not {value!r}")
