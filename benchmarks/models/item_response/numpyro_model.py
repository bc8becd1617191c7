"""Item response: people have abilities, questions have a difficulty and a sharpness."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array


def model(right: Array) -> None:
    people, questions = right.shape
    person = numpyro.plate("people", people, dim=-2)
    question = numpyro.plate("questions", questions, dim=-1)
    with question:
        difficulty = numpyro.sample("difficulty", dist.Normal(0.0, 1.5))
        sharpness = numpyro.sample("sharpness", dist.LogNormal(0.0, 0.5))
    with person:
        ability = numpyro.sample("ability", dist.Normal(0.0, 1.0))
    with person, question:
        logits = sharpness * (ability - difficulty)
        numpyro.sample("right", dist.Bernoulli(logits=logits), obs=right)
