"""How long do dippers live? The Cormack-Jolly-Seber model, with its hidden states summed out.

Dippers (*Cinclus cinclus*) were ringed along a river in 1981 to 1986, released, and looked for in
the years up to 1987 (Lebreton, Burnham, Clobert and Anderson 1992, *Modeling Survival and Testing
Biological Hypotheses Using Marked Animals*, Ecological Monographs 62). A release is followed by the
year in which the bird was seen next, or by nothing. Between years a bird survives with probability
phi, and a bird that is alive is seen with probability p:

    alive[t] ~ Bernoulli(alive[t-1] phi[t]),  seen[t] ~ Bernoulli(alive[t] p)

Whether a bird that was not seen was still alive is unknown: the chain of states of each release is
enumerated and summed out exactly. The fit finds the published estimates; survival was lower in the
two years of a flood, which the second model tells.

Run with ``python examples/capture_recapture.py``.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.optim import Adam

RELEASED = [22, 60, 78, 80, 88, 98]
SEEN_NEXT = [  # row: year of release; column: year in which the bird was seen next
    [11, 2, 0, 0, 0, 0],
    [0, 24, 1, 0, 0, 0],
    [0, 0, 34, 2, 0, 0],
    [0, 0, 0, 45, 1, 2],
    [0, 0, 0, 0, 51, 0],
    [0, 0, 0, 0, 0, 52],
]
YEARS = 6
FLOODS = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 0.0])  # the years 1982-83 and 1983-84


def releases() -> tuple[Tensor, Tensor]:
    """For each release its year, and in which years until it is seen again the bird was seen.

    :return: Years of shape (n,), and sightings of shape (n, 6): 1 where the bird was seen, 0 where
        not, nan before the release and after the next sighting, when the record ends.
    """
    years, sightings = [], []
    for start, row in enumerate(SEEN_NEXT):
        counts = [*row, RELEASED[start] - sum(row)]
        for end, count in enumerate(counts):
            seen = torch.full((YEARS,), torch.nan)
            seen[start : min(end + 1, YEARS)] = 0.0
            if end < YEARS:
                seen[end] = 1.0
            years += [start] * count
            sightings += [seen] * count
    return torch.tensor(years), torch.stack(sightings)


@config_enumerate
def model(sightings: Tensor, floods: bool) -> None:
    """The chain of each release, alive at first; records that have not begun are masked."""
    phi = pyro.param("phi", torch.tensor([0.5, 0.5]), constraint=constraints.unit_interval)
    p = pyro.param("p", torch.tensor(0.5), constraint=constraints.unit_interval)
    recorded = ~sightings.isnan()
    with pyro.plate("releases", len(sightings)):
        alive = torch.ones(len(sightings))
        for t in pyro.markov(range(YEARS)):
            survival = phi[int(FLOODS[t])] if floods else phi[0]
            with poutine.mask(mask=recorded[:, t]):
                moved = torch.where(recorded[:, t], alive * survival, alive)
                alive = pyro.sample(f"alive_{t}", dist.Bernoulli(moved))
                pyro.sample(f"seen_{t}", dist.Bernoulli(alive * p), obs=sightings[:, t])


def no_guide(sightings: Tensor, floods: bool) -> None:
    """The model has no other latent sites."""


def fit(floods: bool, num_steps: int = 400) -> dict[str, float]:
    """Maximise the likelihood; returns the estimates and the deviance, -2 log likelihood."""
    pyro.clear_param_store()
    _, sightings = releases()
    svi = SVI(model, no_guide, Adam({"lr": 0.05}), TraceEnum_ELBO(max_plate_nesting=1))
    for _ in range(num_steps):
        loss = svi.step(sightings, floods)
    phi, p = pyro.param("phi"), pyro.param("p")
    result = {"p": p.item(), "deviance": 2 * loss}
    if floods:
        return {"phi usual": phi[0].item(), "phi flood": phi[1].item(), **result}
    return {"phi": phi[0].item(), **result}


def main(num_steps: int = 400) -> list[dict[str, float]]:
    """Fit both models and print the estimates."""
    results = []
    for title, floods in (("constant survival", False), ("survival in floods", True)):
        results.append(fit(floods, num_steps))
        print(f"{title}: " + ", ".join(f"{k} = {v:.3f}" for k, v in results[-1].items()))
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-steps", type=int, default=400)
    main(parser.parse_args().num_steps)
