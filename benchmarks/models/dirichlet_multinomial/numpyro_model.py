"""A mixture of Dirichlet-multinomial laws, the kind of a document summed out."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import logsumexp

KINDS = 4


def model(counts: Array) -> None:
    documents, words = counts.shape
    weights = numpyro.sample("weights", dist.Dirichlet(2 * jnp.ones(KINDS)))
    prior = dist.LogNormal(0.0, 1.0).expand([KINDS, words]).to_event(2)
    concentration = numpyro.sample("concentration", prior)
    with numpyro.plate("documents", documents):
        laws = dist.DirichletMultinomial(concentration, counts.sum(-1)[:, None])
        scores = laws.log_prob(jnp.asarray(counts)[:, None]) + jnp.log(weights)
        numpyro.factor("counts", logsumexp(scores, axis=-1))
