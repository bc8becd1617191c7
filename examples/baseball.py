"""How good is a batter, after 45 times at bat? Partial pooling of batting averages.

Efron and Morris (1975, *Data Analysis Using Stein's Estimator and its Generalizations*, Journal of
the American Statistical Association 70, table 1) took 18 players after 45 times at bat in the
season of 1970, and compared estimates of their ability with the average over the rest of the
season. Three models say how alike the players are:

    fully pooled:      all have one chance of a hit
    not pooled:        each has a chance of its own, anything from 0 to 1
    partially pooled:  logit(chance) ~ Normal(mu, sigma); the data say what mu and sigma are

Each is fitted to the first 45 times at bat, by NUTS, and predicts the rest. The published sum of
squared errors of the rest's averages is 0.077 for the players' own averages (not pooled), and 0.022
for Stein's estimator, which pools partially. Expect 0.07 without pooling and 0.02 with partial
pooling, and intervals that cover nine in ten. These players are so alike that one chance for all
predicts as well (0.024); partial pooling finds this out from the data.

The paper gives surnames. Williams is Walt Williams of Chicago in the American League; copies of the
table often say Billy.

Run with ``python examples/baseball.py``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from reports import axes, convergence, save, table
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS, Predictive
from pyro.infer.reparam import LocScaleReparam
from pyro.ops.stats import pi

EARLY = 45
PLAYERS = [  # name, hits in 45 times at bat; times at bat and average in the rest of the season
    ("Roberto Clemente", 18, 367, 0.346),
    ("Frank Robinson", 17, 426, 0.298),
    ("Frank Howard", 16, 521, 0.276),
    ("Jay Johnstone", 15, 275, 0.222),
    ("Ken Berry", 14, 418, 0.273),
    ("Jim Spencer", 14, 466, 0.270),
    ("Don Kessinger", 13, 586, 0.263),
    ("Luis Alvarado", 12, 138, 0.210),
    ("Ron Santo", 11, 510, 0.269),
    ("Ron Swoboda", 11, 200, 0.230),
    ("Del Unser", 10, 277, 0.264),
    ("Walt Williams", 10, 270, 0.256),
    ("George Scott", 10, 435, 0.303),
    ("Rico Petrocelli", 10, 538, 0.264),
    ("Ellie Rodriguez", 10, 186, 0.226),
    ("Bert Campaneris", 9, 558, 0.285),
    ("Thurman Munson", 8, 408, 0.316),
    ("Max Alvis", 7, 70, 0.200),
]
HITS = torch.tensor([float(hits) for _, hits, _, _ in PLAYERS])
REST = torch.tensor([float(at_bats) for _, _, at_bats, _ in PLAYERS])
REST_HITS = torch.tensor([float(round(n * average)) for _, _, n, average in PLAYERS])

Model = Callable[..., None]


def fully_pooled(at_bats: Tensor, hits: Tensor | None = None) -> None:
    """One chance for all."""
    chance = pyro.sample("chance", dist.Uniform(0.0, 1.0))
    with pyro.plate("players", len(at_bats)):
        pyro.sample("hits", dist.Binomial(at_bats, chance), obs=hits)


def not_pooled(at_bats: Tensor, hits: Tensor | None = None) -> None:
    """A chance for each, unrelated."""
    with pyro.plate("players", len(at_bats)):
        chance = pyro.sample("chance", dist.Uniform(0.0, 1.0))
        pyro.sample("hits", dist.Binomial(at_bats, chance), obs=hits)


@pyro.poutine.reparam(config={"logit": LocScaleReparam(0.0)})
def partially_pooled(at_bats: Tensor, hits: Tensor | None = None) -> None:
    """A chance for each, from a population of players that is learnt too."""
    mu = pyro.sample("mu", dist.Normal(-1.0, 1.0))
    sigma = pyro.sample("sigma", dist.HalfNormal(1.0))
    with pyro.plate("players", len(at_bats)):
        logit = pyro.sample("logit", dist.Normal(mu, sigma))
        pyro.deterministic("chance", logit.sigmoid(), event_dim=0)
        pyro.sample("hits", dist.Binomial(at_bats, logits=logit), obs=hits)


MODELS: dict[str, Model] = {
    "fully pooled": fully_pooled,
    "not pooled": not_pooled,
    "partially pooled": partially_pooled,
}


@dataclass(frozen=True)
class Fit:
    """Draws of the chances of shape (draws, 18), of the rest's averages, and how they did."""

    chance: Tensor
    average: Tensor
    convergence: str
    squared_error: float
    log_score: float
    covered: float


def fit(model: Model, num_samples: int) -> Fit:
    """Fit to the first 45 times at bat, and predict the rest."""
    pyro.set_rng_seed(0)
    mcmc = MCMC(NUTS(model), num_samples, num_chains=4, disable_progbar=True)
    mcmc.run(torch.full_like(HITS, EARLY), HITS)
    draws = mcmc.get_samples()
    predictive = Predictive(model, draws, parallel=True)
    average = predictive(REST)["hits"] / REST
    log_likelihood = predictive.log_likelihood(REST, REST_HITS)["hits"]
    count = len(log_likelihood)
    chance = draws["chance"].reshape(count, -1).expand(-1, len(HITS))
    low, high = pi(average, 0.9)
    actual = REST_HITS / REST
    return Fit(
        chance=chance,
        average=average,
        convergence=convergence(mcmc),
        squared_error=(chance.mean(0) - actual).square().sum().item(),
        log_score=(log_likelihood.logsumexp(0) - math.log(count)).sum().item(),
        covered=((low <= actual) & (actual <= high)).float().mean().item(),
    )


def plot(fits: dict[str, Fit], folder: str) -> None:
    """The first average, the estimates, and the rest of the season, for each player."""
    figure, (ax,) = axes(height=5.5)
    pooled, partial = fits["fully pooled"], fits["partially pooled"]
    rows = torch.arange(len(PLAYERS), 0, -1)
    low, high = pi(partial.chance, 0.9)
    ax.hlines(rows, low, high, color="C0", lw=5, alpha=0.25, label="its 90 % interval")
    ax.plot(partial.chance.mean(0), rows, "o", color="C0", label="partially pooled estimate")
    ax.plot(HITS / EARLY, rows, "x", color="0.45", label=f"average of the first {EARLY} at bat")
    ax.plot(REST_HITS / REST, rows, "D", color="C3", ms=4, label="average of the rest")
    ax.axvline(pooled.chance.mean().item(), color="0.8", lw=1, zorder=0, label="fully pooled")
    ax.set_yticks(rows, [name for name, *_ in PLAYERS])
    ax.set(xlabel="hits per time at bat", title="Batting averages, season of 1970")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=3)
    save(figure, "baseball", folder)


def main(num_samples: int = 1000, folder: str = "output") -> dict[str, Fit]:
    """Fit the three models; print the players' chances, and how well the rest was predicted."""
    fits = {name: fit(model, num_samples) for name, model in MODELS.items()}
    partial = fits["partially pooled"]
    (low, high), (least, most) = pi(partial.chance, 0.9), pi(partial.average, 0.9)
    print("Hits per time at bat: partially pooled estimates, and the rest of the season")
    rows = [
        (
            name, f"{hits}/{EARLY}", hits / EARLY, partial.chance[:, i].mean().item(),
            f"{low[i]:.3f}-{high[i]:.3f}", average, f"{least[i]:.3f}-{most[i]:.3f}",
        )
        for i, (name, hits, _, average) in enumerate(PLAYERS)
    ]  # fmt: skip
    columns = ["", "hits", "average", "estimate", "90 %", "rest", "90 % predicted"]
    print(table(columns, rows, digits=3))
    print("\nHow the models did on the rest of the season")
    verdicts = [
        (name, f.squared_error, f.log_score, f"{100 * f.covered:.0f} %") for name, f in fits.items()
    ]
    columns = ["", "squared error", "log score (nats)", "in 90 % interval"]
    print(table(columns, verdicts, digits=3))
    print(f"Partially pooled, {partial.convergence}")
    plot(fits, folder)
    return fits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-samples", type=int, default=1000)
    main(parser.parse_args().num_samples)
