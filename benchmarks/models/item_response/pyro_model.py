"""Item response: people have abilities, questions have a difficulty and a sharpness."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist


def model(right: Tensor) -> None:
    people, questions = right.shape
    person = pyro.plate("people", people, dim=-2)
    question = pyro.plate("questions", questions, dim=-1)
    with question:
        difficulty = pyro.sample("difficulty", dist.Normal(0.0, 1.5))
        sharpness = pyro.sample("sharpness", dist.LogNormal(0.0, 0.5))
    with person:
        ability = pyro.sample("ability", dist.Normal(0.0, 1.0))
    with person, question:
        logits = sharpness * (ability - difficulty)
        pyro.sample("right", dist.Bernoulli(logits=logits), obs=right)
