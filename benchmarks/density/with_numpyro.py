"""NumPyro's potential, jitted: seconds to the first gradient, and per gradient.

A gradient is timed in a jitted loop over points, so that no dispatch counts, and in a call from
Python; what is faster is its time.
"""

from __future__ import annotations

import os
import statistics

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
from harness.points import COUNT, evidence, points
from harness.worker import (
    argument,
    computed,
    once,
    repeats_for,
    report,
    stay_on_one_processor,
    versions,
)
from jax import Array, lax
from jax.flatten_util import ravel_pytree
from models.catalogue import CATALOGUE
from numpyro.infer.util import initialize_model

MOST = 10_000  # points of a run
jax.config.update("jax_enable_x64", True)


def main(name: str) -> None:
    """Measure one model; its data are constants of the program, as NUTS has them by default."""
    entry = CATALOGUE[name]
    model, data = entry.module("numpyro_model").model, entry.data()
    found = {}

    def first_gradient() -> None:
        start = initialize_model(jax.random.PRNGKey(0), model, model_kwargs=data)
        found["value_and_grad"] = jax.jit(jax.value_and_grad(start.potential_fn))
        found["start"] = start.param_info.z
        jax.block_until_ready(found["value_and_grad"](found["start"]))

    figures = {"first gradient": once(first_gradient)}
    stay_on_one_processor()
    value_and_grad, start = found["value_and_grad"], found["start"]
    at = points({key: value.shape for key, value in start.items()})
    here = [{key: jnp.asarray(value[i]) for key, value in at.items()} for i in range(COUNT)]
    pairs = [jax.block_until_ready(value_and_grad(point)) for point in here]
    gradients = {key: jnp.stack([-slope[key] for _, slope in pairs]) for key in at}
    same = evidence([-float(value) for value, _ in pairs], gradients, at)
    called = computed(lambda: jax.block_until_ready(value_and_grad(here[0])))
    rows = repeats_for(statistics.median(called), MOST)
    many = jax.jit(lambda where: lax.map(_raveled(value_and_grad, here[0]), where))
    where = jnp.stack([ravel_pytree(point)[0] for point in here])[jnp.arange(rows) % COUNT]
    looped = computed(lambda: jax.block_until_ready(many(where)), units=rows)
    figures["gradient"] = min(statistics.median(called), statistics.median(looped))
    figures["gradient, called from Python"] = called
    report(figures, versions("numpyro", "jax", "jaxlib"), same)


def _raveled(value_and_grad: object, like: object) -> object:
    """The same function of one vector."""
    unravel = ravel_pytree(like)[1]

    def run(x: Array) -> tuple[Array, Array]:
        value, slope = value_and_grad(unravel(x))
        return value, ravel_pytree(slope)[0]

    return run


if __name__ == "__main__":
    main(argument())
