"""Steps of NumPyro's SVI in a jitted loop, as its ``svi.run`` makes them, and one by one."""

from __future__ import annotations

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
from harness.worker import argument, once, report, timed, versions
from jax import Array, lax
from models.catalogue import CATALOGUE
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal
from numpyro.optim import Adam
from svi.size import ADAM, FIRST, LAST, steps_for


def main(name: str) -> None:
    """Measure one model."""
    entry = CATALOGUE[name]
    data, model = entry.data(), entry.module("numpyro_model").model
    svi = SVI(model, AutoNormal(model), Adam(ADAM["lr"]), Trace_ELBO())
    found = {}

    def update(state: object) -> tuple[object, Array]:
        return svi.update(state, **data)

    one = jax.jit(update)

    def first_step() -> None:
        found["state"] = svi.init(jax.random.PRNGKey(0), **data)
        found["state"] = jax.block_until_ready(one(found["state"]))[0]

    @jax.jit
    def many(state: object, steps: int) -> object:
        return lax.fori_loop(0, steps, lambda _, state: update(state)[0], state)

    figures: dict[str, object] = {"first step": once(first_step)}
    state, losses = found["state"], []
    for _ in range(FIRST):
        state, loss = one(state)
        losses.append(float(loss))
    jax.block_until_ready(many(state, 2))
    steps = steps_for(once(lambda: jax.block_until_ready(many(state, 5))) / 5)
    figures["step"] = timed(lambda: jax.block_until_ready(many(state, steps)), units=steps)
    figures["step, called from Python"] = timed(lambda: jax.block_until_ready(one(state)))
    figures["loss"] = sum(losses[-LAST:]) / LAST
    report(figures, versions("numpyro", "jax", "jaxlib"))


if __name__ == "__main__":
    main(argument())
