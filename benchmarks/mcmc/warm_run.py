"""Another run of a posterior that is compiled already."""

from __future__ import annotations

from typing import Any

from harness.worker import once

from pyro.infer import MCMC
from pyro.infer.mcmc.keeping import Keeping
from pyro.infer.mcmc.posterior_run import PosteriorRun
from pyro.infer.mcmc.result import MCMCResult


def warm_run(mcmc: MCMC, data: dict[str, Any]) -> tuple[float, MCMCResult]:
    """Seconds and result of warm-up, draws and their transforms; starts are found before."""
    run = PosteriorRun(mcmc, (), data, Keeping())
    found: dict[str, MCMCResult] = {}
    seconds = once(lambda: found.update(result=run.all()))
    return seconds, found["result"]
