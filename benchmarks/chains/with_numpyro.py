"""Many chains of NumPyro, vectorised: seconds per chain and gradient, once all is compiled."""

from __future__ import annotations

import jax
from harness.worker import argument, once, report, timed, versions
from mcmc.kernel_loop import KernelLoop
from models.catalogue import CATALOGUE
from numpyro.infer.util import initialize_model

CHAINS = 1_000
WARMUP, DRAWS = 200, 100
jax.config.update("jax_enable_x64", True)


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    model, data = entry.module("numpyro_model").model, entry.data()
    loop = KernelLoop(model, data, CHAINS, WARMUP, DRAWS, parallel=False, seed=1)
    loop.run()
    seconds = once(loop.run)
    start = initialize_model(jax.random.PRNGKey(0), model, model_kwargs=data)
    batch = jax.jit(jax.vmap(jax.value_and_grad(start.potential_fn)))
    points = {
        key: 0.3 * jax.random.normal(jax.random.PRNGKey(1), (CHAINS, *value.shape))
        for key, value in start.param_info.z.items()
    }
    figures = {
        "run": seconds,
        "chain-gradient of the run": seconds / float(loop.steps.sum()),
        "chain-gradient of one batch": timed(
            lambda: jax.block_until_ready(batch(points)), units=CHAINS
        ),
    }
    means = {key: float(values.mean()) for key, values in loop.draws().items()}
    report(figures, versions("numpyro", "jax", "jaxlib"), {"means": means})


if __name__ == "__main__":
    main(argument(1))
