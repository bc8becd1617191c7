"""Another run of a posterior that is compiled already."""

from __future__ import annotations

from typing import Any

from harness.worker import once

from pyro.infer import MCMC
from pyro.infer.mcmc.results.mcmc_result import MCMCResult


def warm_run(mcmc: MCMC, data: dict[str, Any]) -> tuple[float, MCMCResult]:
    """Seconds and result of starts, warm-up, draws and their transforms.

    :raises RuntimeError: if a density that can be compiled was compiled once more.
    """
    seconds = once(lambda: mcmc.run(**data))
    if mcmc.engine.native is not None and not mcmc.engine.reused:
        raise RuntimeError("the second run compiled the density again")
    return seconds, mcmc.result
