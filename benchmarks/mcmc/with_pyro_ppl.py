"""NUTS of pyro-ppl: a short chain, from which the time of the whole is estimated.

The whole would take minutes to hours. The estimate supposes that an iteration of the whole takes as
long as one of the short chain, and that chains share the processors without loss.
"""

from __future__ import annotations

import contextlib
import os
import time

import torch
from harness.chains import CHAINS, DRAWS, WARMUP
from harness.worker import argument, report, versions
from models.catalogue import CATALOGUE

import pyro
from pyro.infer import MCMC, NUTS

SHORT = 50  # iterations of warm-up, and as many draws
BUDGET = 40.0  # seconds after which the chain is short enough
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class EnoughError(Exception):
    """The chain has used its budget."""


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    data = {key: torch.as_tensor(value) for key, value in entry.data().items()}
    pyro.set_rng_seed(0)
    iterations = 0
    start = time.perf_counter()

    def count(*_: object) -> None:
        nonlocal iterations
        iterations += 1
        if time.perf_counter() - start > BUDGET:
            raise EnoughError

    kernel = NUTS(entry.module("pyro_model").model)
    with contextlib.suppress(EnoughError):
        MCMC(kernel, SHORT, SHORT, disable_progbar=True, hook_fn=count).run(**data)
    per_iteration = (time.perf_counter() - start) / iterations
    rounds = CHAINS / min(CHAINS, os.cpu_count() or 1)
    whole = per_iteration * (WARMUP + DRAWS) * rounds
    note = f"pyro-ppl is estimated from {iterations} iterations"
    report({"MCMC(...) to draws": whole}, versions("pyro-ppl", "torch"), note=note)


if __name__ == "__main__":
    main(argument(1))
