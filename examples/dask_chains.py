"""Markov chains on a cluster: parts of chains are computed wherever Dask has workers.

The model is written in Python only; what the chains draw follows from the seed and their numbers,
not from where they run. Run with ``python examples/dask_chains.py`` for workers on this machine, or
with ``--scheduler tcp://host:8786`` for a cluster that is there. A worker that is lost costs a part
of a second of one chain, which is computed again elsewhere. Needs ``pip install distributed``.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS

EFFECTS = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def schools() -> None:
    """Effects of coaching in eight schools (Rubin 1981), not centred."""
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", 8):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(mu + tau * z, ERRORS), obs=EFFECTS)


def main(client: Any, num_samples: int = 500, num_chains: int = 4) -> MCMC:
    """Sample on the workers of a client of Dask; print a summary."""
    pyro.set_rng_seed(0)
    mcmc = MCMC(
        NUTS(schools),
        num_samples,
        num_chains=num_chains,
        executor=client.get_executor(pure=False),
        disable_progbar=True,
    )
    mcmc.run()
    print(f"{num_chains} chains: {mcmc.engine}")
    mcmc.summary()
    return mcmc


def connect(scheduler: str | None, workers: int) -> Any:
    """A client of a cluster, or of workers on this machine."""
    from distributed import Client

    if scheduler is not None:
        return Client(scheduler)
    return Client(n_workers=workers, threads_per_worker=1, dashboard_address=None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scheduler", help="the address of a cluster")
    parser.add_argument("--workers", type=int, default=2, help="on this machine")
    options = parser.parse_args()
    with connect(options.scheduler, options.workers) as connected:
        main(connected)
