"""Many chains of ours as one batch: seconds per chain and gradient, once all is compiled."""

from __future__ import annotations

import torch
from harness.worker import argument, report, timed, versions
from mcmc.warm_run import warm_run
from models.catalogue import CATALOGUE

import pyro
from pyro.infer import MCMC, NUTS, compile_density

CHAINS = 1_000
WARMUP, DRAWS = 200, 100
torch.set_default_dtype(torch.float64)


def main(name: str, method: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    model = entry.module("pyro_model").model
    data = {key: torch.as_tensor(value) for key, value in entry.data().items()}
    pyro.set_rng_seed(0)
    mcmc = MCMC(
        NUTS(model), DRAWS, WARMUP, num_chains=CHAINS, chain_method=method, disable_progbar=True
    )
    mcmc.run(**data)
    seconds, drawn = warm_run(mcmc, data)
    density = compile_density(model, **data)
    points = 0.3 * torch.randn(CHAINS, density.dim)
    figures = {
        "run": seconds,
        "chain-gradient of the run": seconds / drawn.gradients,
        "chain-gradient of one batch": timed(lambda: density.value_and_grad(points), units=CHAINS),
    }
    means = {key: float(values.mean()) for key, values in drawn.samples.items()}
    used = versions("torch", "llvmlite") | {"pyro-native": pyro.__version__}
    report(figures, used, {"means": means}, note=str(mcmc.engine))


if __name__ == "__main__":
    main(argument(1), argument(2))
