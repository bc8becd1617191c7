"""The logger called ``pyro``."""

from __future__ import annotations

import logging

log = logging.getLogger("pyro")
log.setLevel(logging.INFO)

if not logging.getLogger().handlers:  # nobody configured logging: show our messages plainly
    _handler = logging.StreamHandler()
    _handler.setFormatter(logging.Formatter("%(levelname)s \t %(message)s"))
    log.addHandler(_handler)
    log.propagate = False
