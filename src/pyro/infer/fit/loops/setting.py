"""After how many steps of a loop the next ones are compiled: the setting ``svi_compile_after``."""

from __future__ import annotations

from pyro import settings
from pyro.compile import switch

__all__ = ["COMPILED_AFTER", "switch"]  # whose settings exist from the start, too

COMPILED_AFTER = 100  # steps whose time pays for machine code


@settings.register("svi_compile_after", __name__, "COMPILED_AFTER")
def _check(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"svi_compile_after is a number of steps, not {value!r}")
