"""NUTS of NumPyro: a whole program, and sampling once all is compiled.

Chains run in parallel on as many of XLA's host devices, or, if the third argument says so,
vectorised.
"""

from __future__ import annotations

import os

from harness.chains import CHAINS, DRAWS, WARMUP, save, silently
from harness.worker import argument, once, report, round_number, since_start, versions

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={CHAINS}"

import jax
from mcmc.kernel_loop import KernelLoop
from models.catalogue import CATALOGUE
from numpyro.infer import MCMC, NUTS

jax.config.update("jax_enable_x64", True)


def main(name: str, path: str, method: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    data, model = entry.data(), entry.module("numpyro_model").model
    found: dict[str, MCMC] = {}

    def draw() -> None:
        found["mcmc"] = MCMC(
            NUTS(model),
            num_warmup=WARMUP,
            num_samples=DRAWS,
            num_chains=CHAINS,
            chain_method=method,
            progress_bar=False,
        )
        found["mcmc"].run(jax.random.PRNGKey(2 * round_number()), **data)
        jax.block_until_ready(found["mcmc"].get_samples())

    imported = since_start()
    figures: dict[str, object] = {"MCMC(...) to draws": once(draw)}
    silently(found["mcmc"].print_summary)
    figures |= {"start to summary": since_start(), "imports": imported}
    figures |= _warm(model, data, path, method)
    report(figures, versions("numpyro", "jax", "jaxlib"))


def _warm(model: object, data: dict[str, object], path: str, method: str) -> dict[str, float]:
    """Another run by a compiled loop over the kernel, all of whose iterations are counted."""
    seed = 2 * round_number() + 1
    loop = KernelLoop(model, data, CHAINS, WARMUP, DRAWS, method == "parallel", seed)
    loop.run()
    seconds = once(loop.run)
    save(path, loop.draws())
    return {
        "warm": seconds,
        "gradients": float(loop.steps.sum()),
        "gradients of draws": float(loop.steps[:, WARMUP:].sum()),
        "divergences": float(loop.diverging[:, WARMUP:].sum()),
    }


if __name__ == "__main__":
    main(argument(1), argument(2), argument(3))
