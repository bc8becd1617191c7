"""How does a lack of sleep slow reactions? A hierarchical regression, with and without pooling.

Eighteen lorry drivers were allowed three hours in bed per night from day 2 on, and their mean
reaction time was measured each day (Belenky et al. 2003, *Patterns of performance degradation and
restoration during sleep restriction and subsequent recovery*, Journal of Sleep Research 12; the
table is that of Bates, Maechler, Bolker and Walker 2015, *Fitting Linear Mixed-Effects Models Using
lme4*, Journal of Statistical Software 67, in ms). Each driver has a line of his own, drawn from a
population of lines:

    reaction[i, day] ~ Normal(line[i, 0] + line[i, 1] day, sigma)
    line[i] ~ MultivariateNormal(population, diag(spread) R diag(spread)),  R ~ LKJ(2)

The lines are written as an affine function of standard normal noise, so that ``AutoReparam`` can
let the guide see the noise. NUTS takes the model as it is: there are ten days of data per driver.

Expect what lme4 and statsmodels' MixedLM find by restricted maximum likelihood: 251.4 ms on day 0
(standard error 6.8), 10.5 ms more each day (1.5), spread between drivers 24.7 ms and 5.9 ms per
day, hardly correlated (0.07), noise 25.6 ms. The lines of single drivers are pulled towards the
population; when the last three days are left out, they predict these better than lines that are
fitted to each driver alone.

Run with ``python examples/hierarchical_regression.py``.
"""

from __future__ import annotations

import argparse
import warnings

import pandas
import statsmodels.formula.api as smf
import torch
from reports import axes, convergence, save, table
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.distributions.transforms import LowerCholeskyAffine
from pyro.infer import MCMC, NUTS, SVI, Trace_ELBO, guide_diagnostics
from pyro.infer.autoguide import AutoMultivariateNormal
from pyro.infer.inspect import render_text
from pyro.infer.reparam import AutoReparam
from pyro.ops.stats import pi
from pyro.optim import ClippedAdam

REACTION = {  # driver: mean reaction time in ms on the days 0 to 9
    308: [249.6, 258.7, 250.8, 321.4, 356.9, 414.7, 382.2, 290.1, 430.6, 466.4],
    309: [222.7, 205.3, 203.0, 204.7, 207.7, 216.0, 213.6, 217.7, 224.3, 237.3],
    310: [199.1, 194.3, 234.3, 232.8, 229.3, 220.5, 235.4, 255.8, 261.0, 247.5],
    330: [321.5, 300.4, 283.9, 285.1, 285.8, 297.6, 280.2, 318.3, 305.3, 354.0],
    331: [287.6, 285.0, 301.8, 320.1, 316.3, 293.3, 290.1, 334.8, 293.7, 371.6],
    332: [234.9, 242.8, 273.0, 309.8, 317.5, 310.0, 454.2, 346.8, 330.3, 253.9],
    333: [283.8, 289.6, 276.8, 299.8, 297.2, 338.2, 332.0, 348.8, 333.4, 362.0],
    334: [265.5, 276.2, 243.4, 254.7, 279.0, 284.2, 305.5, 331.5, 335.7, 377.3],
    335: [241.6, 273.9, 254.5, 270.8, 251.5, 254.6, 245.5, 235.3, 235.8, 237.2],
    337: [312.4, 313.8, 291.6, 346.1, 365.7, 391.8, 404.3, 416.7, 455.9, 458.9],
    349: [236.1, 230.3, 238.9, 254.9, 250.7, 269.8, 281.6, 308.1, 336.3, 351.6],
    350: [256.3, 243.5, 256.2, 255.5, 268.9, 329.7, 379.4, 362.9, 394.5, 389.1],
    351: [250.5, 300.1, 269.9, 280.6, 271.8, 304.6, 287.7, 266.6, 321.5, 347.6],
    352: [221.7, 298.2, 326.9, 346.9, 348.7, 352.8, 354.4, 360.4, 375.6, 388.5],
    369: [271.9, 268.4, 257.2, 277.7, 314.8, 317.2, 298.1, 348.1, 340.3, 366.5],
    370: [225.3, 234.5, 238.9, 240.5, 267.5, 344.2, 281.1, 347.6, 365.2, 372.2],
    371: [269.9, 272.4, 277.9, 281.8, 279.2, 284.5, 259.3, 304.6, 350.8, 369.5],
    372: [269.4, 273.5, 297.6, 310.6, 287.2, 329.6, 334.5, 343.2, 369.1, 364.1],
}
Draws = dict[str, Tensor]


def data(num_days: int = 10) -> Tensor:
    """Reaction times in ms, of shape (drivers, days)."""
    return torch.tensor(list(REACTION.values()))[:, :num_days]


def model(reaction: Tensor) -> None:
    """A line for each driver; returns nothing, ``line`` is of shape (drivers, 2)."""
    drivers, days = reaction.shape
    centre, width = torch.tensor([250.0, 10.0]), torch.tensor([100.0, 20.0])
    population = pyro.sample("population", dist.Normal(centre, width).to_event(1))
    spread = pyro.sample("spread", dist.HalfNormal(torch.tensor([50.0, 10.0])).to_event(1))
    chol = pyro.sample("chol", dist.LKJCholesky(2, 2.0))
    sigma = pyro.sample("sigma", dist.HalfNormal(50.0))
    pyro.deterministic("correlation", (chol @ chol.mT)[..., 1, 0], event_dim=0)
    with pyro.plate("driver", drivers, dim=-2):
        standard = dist.Normal(torch.zeros(2), 1.0).to_event(1)
        affine = LowerCholeskyAffine(population, spread.unsqueeze(-1) * chol)
        line = pyro.sample("line", dist.TransformedDistribution(standard, affine))
        mean = line[..., 0] + line[..., 1] * torch.arange(float(days))
        with pyro.plate("day", days, dim=-1):
            pyro.sample("reaction", dist.Normal(mean, sigma), obs=reaction)


def sample(reaction: Tensor, num_samples: int) -> tuple[Draws, MCMC]:
    """Draws of NUTS, four chains."""
    pyro.set_rng_seed(0)
    mcmc = MCMC(NUTS(model), num_samples, num_chains=4, disable_progbar=True)
    mcmc.run(reaction)
    draws = mcmc.get_samples()
    return {**draws, "line": draws["line"].squeeze(-2)}, mcmc


def guide_answer(reaction: Tensor, num_steps: int) -> str:
    """What an automatic guide says about the slope, in a line."""
    pyro.clear_param_store()
    easier = pyro.poutine.reparam(model, config=AutoReparam(centered=0.0))
    guide = AutoMultivariateNormal(easier)
    optim = ClippedAdam({"lr": 0.05, "lrd": 0.02 ** (1 / num_steps)})
    SVI(easier, guide, optim, Trace_ELBO()).run(num_steps, reaction, progress=False)
    report = guide_diagnostics(easier, guide, reaction)
    slope = report.samples["population"][:, 1]
    return (
        f"A multivariate normal guide says {slope.mean():.1f} ± {slope.std():.1f} ms per day "
        f"(k-hat {report.k_hat:.2f}: {report.verdict})."
    )


def unpooled_lines(reaction: Tensor) -> Tensor:
    """Least squares for each driver alone, of shape (drivers, 2)."""
    days = torch.arange(float(reaction.shape[1]))
    design = torch.stack([torch.ones_like(days), days], -1)
    lines: Tensor = torch.linalg.lstsq(design, reaction.T).solution.T
    return lines


def mixed_lm(reaction: Tensor) -> list[float]:
    """MixedLM's estimates of the six parameters, in the order of the table."""
    drivers, days = reaction.shape
    frame = pandas.DataFrame({
        "reaction": reaction.flatten().numpy(),
        "day": list(range(days)) * drivers,
        "driver": [driver for driver in range(drivers) for _ in range(days)],
    })  # fmt: skip
    fit = smf.mixedlm("reaction ~ day", frame, groups="driver", re_formula="~day").fit()
    covariance = fit.cov_re.to_numpy()
    a, b = covariance.diagonal() ** 0.5
    slope = fit.fe_params["day"]
    return [fit.fe_params["Intercept"], slope, a, b, covariance[0, 1] / (a * b), fit.scale**0.5]


def errors_of_forecasts(num_samples: int, known: int = 7) -> dict[str, float]:
    """Root mean squared errors (ms) on the last days, from the days before."""
    draws, _ = sample(data(known), num_samples)
    lines = {"pooled partially": draws["line"].mean(0), "each alone": unpooled_lines(data(known))}
    lines["all alike"] = lines["each alone"].mean(0).expand(len(REACTION), 2)
    days = torch.arange(float(known), 10.0)
    actual = data()[:, known:]
    return {
        name: (line[:, :1] + line[:, 1:] * days - actual).square().mean().sqrt().item()
        for name, line in lines.items()
    }


def plot(draws: Draws, reaction: Tensor, folder: str) -> None:
    """The lines of four drivers, and how all lines are pulled towards the population."""
    figure, (left, right) = axes(2, width=10.0, height=4.2)
    alone, line = unpooled_lines(reaction), draws["line"]
    days = torch.linspace(0.0, 9.0, 2)
    for colour, driver in enumerate((308, 335, 370)):
        i = list(REACTION).index(driver)
        left.plot(range(10), reaction[i], "o", ms=4, color=f"C{colour}", label=f"driver {driver}")
        means = line[:, i, :1] + line[:, i, 1:] * days
        left.plot(days, means.mean(0), color=f"C{colour}")
        left.fill_between(days, *pi(means, 0.9), color=f"C{colour}", alpha=0.15, lw=0)
        left.plot(days, alone[i, 0] + alone[i, 1] * days, ":", color=f"C{colour}")
    left.plot([], [], "k:", label="line fitted alone")
    left.set(
        xlabel="day (three hours in bed per night from day 2 on)", ylabel="mean reaction time (ms)"
    )
    left.legend(frameon=False, fontsize=8)
    pooled = line.mean(0)
    for start, end in zip(alone, pooled, strict=True):
        right.annotate(
            "", end.tolist(), start.tolist(), arrowprops={"arrowstyle": "->", "color": "0.6"}
        )
    right.plot(*alone.T, "x", color="0.3", label="each alone")
    right.plot(*pooled.T, "o", ms=5, color="C0", label="pooled partially")
    right.plot(*draws["population"].mean(0), "*", ms=14, color="C3", label="population")
    right.set(xlabel="reaction time on day 0 (ms)", ylabel="slowing (ms per day)")
    right.legend(frameon=False, fontsize=8, loc="lower left")
    save(figure, "hierarchical_regression", folder)


def main(num_samples: int = 1000, num_steps: int = 1500, folder: str = "output") -> Draws:
    """Print the population, single drivers, and how well the last days are forecast."""
    reaction = data()
    print(render_text(model, (reaction,)), end="\n\n")
    draws, mcmc = sample(reaction, num_samples)
    population, spread = draws["population"], draws["spread"]
    parameters = {
        "day 0 (ms)": population[:, 0],
        "slowing (ms per day)": population[:, 1],
        "spread of day 0": spread[:, 0],
        "spread of slowing": spread[:, 1],
        "correlation": draws["correlation"],
        "noise (ms)": draws["sigma"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reml = mixed_lm(reaction)
    print(table(
        ["", "mean", "sd", "5 %", "95 %", "MixedLM"],
        [(name, v.mean().item(), v.std().item(), *map(float, pi(v, 0.9)), other)
         for (name, v), other in zip(parameters.items(), reml, strict=True)],
    ))  # fmt: skip
    print(convergence(mcmc))
    print(guide_answer(reaction, num_steps))
    print("\nSlowing of drivers, in ms per day")
    slopes, alone = draws["line"][..., 1], unpooled_lines(reaction)[:, 1]
    low, high = pi(slopes, 0.9)
    print(table(
        ["driver", "alone", "pooled", "5 %", "95 %"],
        [(str(d), *map(float, row)) for d, *row in zip(
            REACTION, alone, slopes.mean(0), low, high, strict=True)],
        digits=1,
    ))  # fmt: skip
    errors = errors_of_forecasts(num_samples)
    print("\nError of forecasts of the last three days (root mean square, ms):")
    print(table(["lines", "error"], list(errors.items()), digits=1))
    plot(draws, reaction, folder)
    return {**draws, **{f"error {name}": torch.tensor(e) for name, e in errors.items()}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-samples", type=int, default=1000)
    main(parser.parse_args().num_samples)
