"""PyMC's models sampled by nutpie with its numba backend: a whole program, and warm sampling."""

from __future__ import annotations

from harness.worker import argument, once, report, round_number, since_start, versions

import arviz  # isort: skip (nothing is imported before the clock is)
import nutpie
from harness.chains import CHAINS, DRAWS, WARMUP, save, silently
from models.catalogue import CATALOGUE


def main(name: str, path: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    data, build = entry.data(), entry.module("pymc_model").build
    found: dict[str, object] = {}

    def sample(seed: int) -> None:
        found["draws"] = nutpie.sample(
            found["compiled"],
            draws=DRAWS,
            tune=WARMUP,
            chains=CHAINS,
            seed=seed,
            progress_bar=False,
            save_warmup=True,
        )

    def draw() -> None:
        found["compiled"] = nutpie.compile_pymc_model(build(**data), backend="numba")
        sample(2 * round_number())

    imported = since_start()
    figures: dict[str, object] = {"MCMC(...) to draws": once(draw)}
    silently(lambda: print(arviz.summary(found["draws"])))
    figures |= {"start to summary": since_start(), "imports": imported}
    figures["warm"] = once(lambda: sample(2 * round_number() + 1))
    result = found["draws"]
    steps, warm_steps = result.sample_stats.n_steps, result.warmup_sample_stats.n_steps
    figures["gradients"] = float(steps.sum() + warm_steps.sum())
    figures["gradients of draws"] = float(steps.sum())
    figures["divergences"] = float(result.sample_stats.diverging.sum())
    save(path, {key: values.values for key, values in result.posterior.items()})
    report(figures, versions("pymc", "nutpie", "numba", "pytensor"))


if __name__ == "__main__":
    main(argument(1), argument(2))
