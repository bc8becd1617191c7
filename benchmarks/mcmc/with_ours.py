"""NUTS of ours: a whole program, and sampling once all is compiled."""

from __future__ import annotations

from harness.worker import argument, once, report, round_number, since_start, versions

import torch  # isort: skip (nothing is imported before the clock is)
from harness.chains import CHAINS, DRAWS, WARMUP, save, silently
from mcmc.warm_run import warm_run
from models.catalogue import CATALOGUE

import pyro
from pyro.infer import MCMC, NUTS

torch.set_default_dtype(torch.float64)


def main(name: str, path: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    data = {key: torch.as_tensor(value) for key, value in entry.data().items()}
    model = entry.module("pyro_model").model
    pyro.set_rng_seed(round_number())
    found: dict[str, MCMC] = {}

    def draw() -> None:
        found["mcmc"] = MCMC(NUTS(model), DRAWS, WARMUP, num_chains=CHAINS, disable_progbar=True)
        found["mcmc"].run(**data)

    imported = since_start()
    figures: dict[str, object] = {"MCMC(...) to draws": once(draw)}
    mcmc = found["mcmc"]
    silently(mcmc.summary)
    figures |= {"start to summary": since_start(), "imports": imported}
    engine = str(mcmc.engine)
    figures |= _warm(mcmc, data, path)
    used = versions("torch", "llvmlite") | {"pyro-native": pyro.__version__}
    report(figures, used, note="" if "compiled" in engine else engine)


def _warm(mcmc: MCMC, data: dict[str, torch.Tensor], path: str) -> dict[str, float]:
    """Another run, of which the compiler's time is not counted."""
    seconds, drawn = warm_run(mcmc, data)
    save(path, drawn.samples)
    return {
        "warm": seconds,
        "gradients": float(drawn.gradients),
        "gradients of draws": float(drawn.statistics["n_steps"].sum()),
        "divergences": float(drawn.statistics["diverging"].sum()),
    }


if __name__ == "__main__":
    main(argument(1), argument(2))
