"""How hard is a question, and how much does it tell? Item response theory on a law school test.

A thousand takers of section 6 of the Law School Admission Test answered five questions (Bock and
Lieberman 1970, *Fitting a Response Model for n Dichotomously Scored Items*, Psychometrika 35). In
the two-parameter logistic model a taker's ability and a question's slope and intercept say how
probable a right answer is:

    right[i, j] ~ Bernoulli(logits = slope[j] ability[i] + intercept[j]),  ability[i] ~ Normal(0, 1)

Expect the estimates of Bock and Aitkin (1981, Psychometrika 46) by marginal maximum likelihood:
slopes 0.83, 0.72, 0.89, 0.69, 0.66 and intercepts 2.77, 0.99, 0.25, 1.28, 2.05. Question 3 is the
hardest. The test is easy: five right answers are common, and say little about how able one is.

The thousand takers have but 30 different patterns of answers. What happens to the abilities of
those with equal answers is the same, so ability is integrated out on a grid: the likelihood of a
pattern is a mixture over 31 points with normal weights. That leaves ten parameters for NUTS.

Run with ``python examples/item_response.py``.
"""

from __future__ import annotations

import argparse

import torch
from reports import axes, convergence, save, table
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS, SVI, Trace_ELBO, guide_diagnostics
from pyro.infer.autoguide import AutoMultivariateNormal
from pyro.ops.stats import pi
from pyro.optim import ClippedAdam

ANSWERS = {  # answers to the questions 1 to 5, 1 where right: how many takers
    "00000": 3, "00001": 6, "00010": 2, "00011": 11, "00100": 1, "00101": 1, "00110": 3,
    "00111": 4, "01000": 1, "01001": 8, "01011": 16, "01101": 3, "01110": 2, "01111": 15,
    "10000": 10, "10001": 29, "10010": 14, "10011": 81, "10100": 3, "10101": 28, "10110": 15,
    "10111": 80, "11000": 16, "11001": 56, "11010": 21, "11011": 173, "11100": 11, "11101": 61,
    "11110": 28, "11111": 298,
}  # fmt: skip
PATTERNS = torch.tensor([[float(answer) for answer in pattern] for pattern in ANSWERS])
COUNTS = torch.tensor([float(count) for count in ANSWERS.values()])
GRID = torch.linspace(-4.5, 4.5, 31)
LOG_WEIGHTS = dist.Normal(0.0, 1.0).log_prob(GRID).log_softmax(0)
PUBLISHED = {"slope": [0.83, 0.72, 0.89, 0.69, 0.66], "intercept": [2.77, 0.99, 0.25, 1.28, 2.05]}

Draws = dict[str, Tensor]


def joint(slope: Tensor, intercept: Tensor, patterns: Tensor) -> Tensor:
    """Log probability of patterns and ability, of shape draws + (patterns, grid)."""
    logits = slope.unsqueeze(-2) * GRID.unsqueeze(-1) + intercept.unsqueeze(-2)
    right = dist.Bernoulli(logits=logits.unsqueeze(-3))
    return right.log_prob(patterns.unsqueeze(-2)).sum(-1) + LOG_WEIGHTS


def model(patterns: Tensor, counts: Tensor) -> None:
    """Weakly informative priors; the likelihood counts each pattern as often as it occurs."""
    with pyro.plate("questions", patterns.shape[-1]):
        slope = pyro.sample("slope", dist.LogNormal(0.0, 1.0))
        intercept = pyro.sample("intercept", dist.Normal(0.0, 3.0))
    log_prob = joint(slope, intercept, patterns).logsumexp(-1)
    pyro.factor("answers", (counts * log_prob).sum(-1))


def sample(num_samples: int) -> tuple[Draws, MCMC]:
    """Draws of NUTS, four chains."""
    pyro.set_rng_seed(0)
    mcmc = MCMC(NUTS(model), num_samples, num_chains=4, disable_progbar=True)
    mcmc.run(PATTERNS, COUNTS)
    return mcmc.get_samples(), mcmc


def guide_answer(draws: Draws, num_steps: int) -> str:
    """How far an automatic guide is from the draws, in a line."""
    pyro.clear_param_store()
    guide = AutoMultivariateNormal(model)
    optim = ClippedAdam({"lr": 0.05, "lrd": 0.02 ** (1 / num_steps)})
    SVI(model, guide, optim, Trace_ELBO()).run(num_steps, PATTERNS, COUNTS, progress=False)
    report = guide_diagnostics(model, guide, PATTERNS, COUNTS, max_plate_nesting=1)
    off = (report.samples["slope"].mean(0) - draws["slope"].mean(0)).abs().max()
    return (
        f"A multivariate normal guide has k-hat {report.k_hat:.2f} ({report.verdict}); its "
        f"slopes are within {off:.2f} of these."
    )


def abilities(draws: Draws) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the ability of takers with each pattern."""
    log_joint = joint(draws["slope"], draws["intercept"], PATTERNS)
    posterior = log_joint.softmax(-1).mean(0)
    mean = posterior @ GRID
    return mean, (posterior @ GRID.square() - mean.square()).sqrt()


def replicated_scores(draws: Draws) -> Tensor:
    """How many of 1 000 new takers have 0, ..., 5 right answers, of shape (draws, 6)."""
    takers = int(COUNTS.sum())
    ability = torch.randn(len(draws["slope"]), takers, 1)
    logits = draws["slope"].unsqueeze(1) * ability + draws["intercept"].unsqueeze(1)
    score = dist.Bernoulli(logits=logits).sample().sum(-1)
    return torch.stack([(score == s).sum(-1).float() for s in range(6)], -1)


def plot(draws: Draws, scores: Tensor, folder: str) -> None:
    """Curves of the questions; observed against replicated scores."""
    figure, (left, right) = axes(2, width=9.5, height=3.8)
    for j in range(5):
        logits = draws["slope"][:, j, None] * GRID + draws["intercept"][:, j, None]
        chance = logits.sigmoid()
        left.plot(GRID, chance.mean(0), color=f"C{j}", label=f"question {j + 1}")
        left.fill_between(GRID, *pi(chance, 0.9), color=f"C{j}", alpha=0.15, lw=0)
    left.set(xlabel="ability (standard deviations)", ylabel="chance of a right answer")
    left.set(xlim=(-4, 4), ylim=(0, 1))
    left.legend(frameon=False, fontsize=8, loc="lower right")
    low, high = pi(scores, 0.9)
    mean = scores.mean(0)
    error = torch.stack([mean - low, high - mean])
    right.bar(range(6), observed_scores(), color="0.85", label="observed")
    right.errorbar(range(6), mean, error, fmt="o", color="C0", label="model, 90 %")
    right.set(xlabel="right answers", ylabel="takers of the test")
    right.legend(frameon=False, fontsize=8)
    save(figure, "item_response", folder)


def observed_scores() -> list[float]:
    """How many takers have 0, ..., 5 right answers."""
    return [COUNTS[PATTERNS.sum(-1) == score].sum().item() for score in range(6)]


def main(num_samples: int = 500, num_steps: int = 1000, folder: str = "output") -> Draws:
    """Print the questions, the abilities, and whether the model reproduces the scores."""
    draws, mcmc = sample(num_samples)
    for site, published in PUBLISHED.items():
        low, high = pi(draws[site], 0.9)
        print(f"{site} of each question")
        print(table(
            ["question", "mean", "5 %", "95 %", "Bock & Aitkin"],
            [(str(j + 1), *map(float, row)) for j, row in enumerate(
                zip(draws[site].mean(0), low, high, published, strict=True))],
        ))  # fmt: skip
    print(convergence(mcmc))
    print(guide_answer(draws, num_steps))
    mean, sd = abilities(draws)
    chosen = ["00000", "00111", "11000", "11011", "11111"]
    index = [list(ANSWERS).index(pattern) for pattern in chosen]
    print("\nAbility of takers, in standard deviations of the population")
    print(table(["answers", "takers", "mean", "sd"], [
        (pattern, ANSWERS[pattern], mean[i].item(), sd[i].item())
        for pattern, i in zip(chosen, index, strict=True)
    ]))  # fmt: skip
    scores = replicated_scores(draws)
    low, high = pi(scores, 0.9)
    print("\nTakers by the number of right answers, and in replications by the model")
    print(table(["right", "takers", "5 %", "95 %"], [
        (str(s), *map(float, row))
        for s, row in enumerate(zip(observed_scores(), low, high, strict=True))
    ], digits=0))  # fmt: skip
    plot(draws, scores, folder)
    return {**draws, "scores": scores}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-samples", type=int, default=500)
    main(parser.parse_args().num_samples)
