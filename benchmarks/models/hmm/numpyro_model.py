"""A hidden Markov model, its states summed out by the forward algorithm."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array, lax
from jax.scipy.special import logsumexp


def model(x: Array, centers: Array) -> None:
    states = len(centers)
    rows = dist.Dirichlet(jnp.ones((states, states)) + 3 * jnp.eye(states)).to_event(1)
    moves = numpyro.sample("moves", rows)
    shifts = numpyro.sample("shifts", dist.Normal(jnp.zeros(states), 1.0).to_event(1))
    locs = jnp.asarray(centers) + 0.5 * shifts
    scale = numpyro.sample("scale", dist.LogNormal(0.0, 0.5))
    log_moves = jnp.log(moves)
    observed = dist.Normal(locs, scale).log_prob(jnp.asarray(x)[:, None])

    def forward(alpha: Array, seen: Array) -> tuple[Array, None]:
        return logsumexp(alpha[:, None] + log_moves, axis=0) + seen, None

    alpha, _ = lax.scan(forward, log_moves[0] + observed[0], observed[1:])
    numpyro.factor("x", logsumexp(alpha))
