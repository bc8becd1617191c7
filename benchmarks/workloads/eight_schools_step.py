"""Time of one ``svi.step`` of eight schools, with two guides that are written by hand.

The model (non-centred, with a plate), the data and the guide of full rank are those of
``examples/eight_schools.py``; the mean-field guide is here. A run is 20 steps.
"""

from __future__ import annotations

import eight_schools
import torch
from harness.timing import THREADS, Case, emit, measure

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam

torch.set_num_threads(THREADS)
pyro.set_rng_seed(0)

STEPS = 20
LOSSES: dict[str, list[float]] = {}


def mean_field(stddev: torch.Tensor, effect: torch.Tensor) -> None:
    """Independent normals over mu, log tau and eta."""
    mu_loc = pyro.param("mu_loc", torch.tensor(0.0))
    mu_scale = pyro.param("mu_scale", torch.tensor(1.0), constraint=constraints.positive)
    tau_loc = pyro.param("tau_loc", torch.tensor(0.0))
    tau_scale = pyro.param("tau_scale", torch.tensor(0.3), constraint=constraints.positive)
    eta_loc = pyro.param("eta_loc", torch.zeros(8))
    eta_scale = pyro.param("eta_scale", torch.ones(8), constraint=constraints.positive)
    pyro.sample("mu", dist.Normal(mu_loc, mu_scale))
    pyro.sample("tau", dist.LogNormal(tau_loc, tau_scale))
    with pyro.plate("school", len(stddev)):
        pyro.sample("eta", dist.Normal(eta_loc, eta_scale))


def steps(name: str, guide: object) -> Case:
    """The steps of a fit that goes on from run to run."""
    svi = SVI(eight_schools.model, guide, Adam({"lr": 0.01}), Trace_ELBO())
    data = eight_schools.STDDEV, eight_schools.EFFECT
    losses = LOSSES.setdefault(name, [])

    def run() -> None:
        losses.extend([svi.step(*data) for _ in range(STEPS)])

    return Case(run, units=STEPS)


if __name__ == "__main__":
    guides = {"mean-field guide": mean_field, "full-rank guide": eight_schools.guide}
    times = measure({name: steps(name, guide) for name, guide in guides.items()}, repeats=15)
    checks = {name: sum(losses) / len(losses) for name, losses in LOSSES.items()}
    emit("step", times, pyro.__version__, checks)
