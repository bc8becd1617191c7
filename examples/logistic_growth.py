"""Where does growth end? Logistic curves for yeast, and for the people of the United States.

Carlson (1913, *Über Geschwindigkeit und Größe der Hefevermehrung in Würze*, Biochemische
Zeitschrift 57) weighed a culture of yeast each hour; Pearl and Reed (1920, *On the Rate of Growth
of the Population of the United States since 1790*, PNAS 6) fitted the same curve to the census:

    size(t) = capacity / (1 + exp(-rate (t - midpoint))),   y ~ LogNormal(log size, sigma)

Each curve is fitted to the first part of its table and forecasts the rest. Expect for the yeast,
from ten hours, a capacity of 630 to 830 (Pearl's curve through all the data ends at 665), and a
forecast that holds. For the United States, from the censuses until 1910, expect a capacity near 200
million (Pearl and Reed: 197.3), and a forecast that holds until 1950 and fails from 1960 on. An
interval allows for noise and for what is unknown of a curve, but not for the wrong curve. Laplace's
approximation, which takes a mode and the curvature there, comes close, but its k-hat is 0.6 to 0.9:
too sure on the side of large capacities.

Run with ``python examples/logistic_growth.py``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from reports import axes, convergence, save, table
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO, guide_diagnostics
from pyro.infer.autoguide import AutoLaplaceApproximation, init_to_median
from pyro.ops.stats import pi
from pyro.optim import ClippedAdam


@dataclass(frozen=True)
class Growth:
    """Sizes at equal steps of time; ``known`` of them are fitted to."""

    name: str
    start: float
    step: float
    sizes: Tensor
    known: int
    time_unit: str
    size_unit: str
    published_capacity: float

    @property
    def times(self) -> Tensor:
        """When the sizes were measured."""
        return self.start + self.step * torch.arange(float(len(self.sizes)))


YEAST = Growth(
    "yeast", 0.0, 1.0,
    torch.tensor([
        9.6, 18.3, 29.0, 47.2, 71.1, 119.1, 174.6, 257.3, 350.7, 441.0,
        513.3, 559.7, 594.8, 629.4, 640.8, 651.1, 655.9, 659.6, 661.8,
    ]),
    11, "hours", "amount of yeast", 665.0,
)  # fmt: skip
UNITED_STATES = Growth(
    "United States", 1790.0, 10.0,
    torch.tensor([
        3.929, 5.308, 7.240, 9.638, 12.866, 17.069, 23.192, 31.443, 38.558, 50.189, 62.980,
        76.212, 92.228, 106.022, 123.203, 132.165, 151.326, 179.323, 203.302, 226.542, 248.710,
    ]),
    13, "year", "people (millions)", 197.273,
)  # fmt: skip


def model(steps: Tensor, num_known: int, sizes: Tensor | None = None) -> None:
    """Growth over steps of time; priors relate to the steps, and to the first size as the unit."""
    capacity = pyro.sample("capacity", dist.LogNormal(4.0, 1.5))
    rate = pyro.sample("rate", dist.LogNormal(-1.0, 1.0))
    midpoint = pyro.sample("midpoint", dist.Normal(float(num_known), float(num_known)))
    sigma = pyro.sample("sigma", dist.HalfNormal(0.2))
    with pyro.plate("times", len(steps)):
        log_size = capacity.log() + torch.nn.functional.logsigmoid(rate * (steps - midpoint))
        pyro.sample("size", dist.LogNormal(log_size, sigma), obs=sizes)


@dataclass(frozen=True)
class Forecast:
    """Draws of the capacity and of sizes at all times, in the unit of the table."""

    capacity: Tensor
    sizes: Tensor
    covered: float
    text: str


def forecast(growth: Growth, num_samples: int, num_steps: int) -> Forecast:
    """Fit to the known part by NUTS, and predict all sizes."""
    pyro.set_rng_seed(0)
    unit, known = growth.sizes[0], growth.known
    steps = torch.arange(float(len(growth.sizes)))
    mcmc = MCMC(
        NUTS(model, target_accept_prob=0.95), num_samples, num_chains=4, disable_progbar=True
    )
    mcmc.run(steps[:known], known, growth.sizes[:known] / unit)
    draws = mcmc.get_samples()
    sizes = unit * Predictive(model, draws, parallel=True)(steps, known)["size"]
    low, high = pi(sizes[:, known:], 0.9)
    actual = growth.sizes[known:]
    covered = ((low <= actual) & (actual <= high)).float().mean().item()
    capacity = unit * draws["capacity"]
    guide = guide_answer(growth, num_steps)
    return Forecast(capacity, sizes, covered, f"{convergence(mcmc)}\n{guide}")


def guide_answer(growth: Growth, num_steps: int) -> str:
    """What Laplace's approximation says of the capacity, in a line."""
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    known, unit = growth.known, growth.sizes[0]
    args = torch.arange(float(known)), known, growth.sizes[:known] / unit
    guide = AutoLaplaceApproximation(model, init_loc_fn=init_to_median(num_samples=1000))
    optim = ClippedAdam({"lr": 0.1, "lrd": 0.1 ** (1 / num_steps)})
    SVI(model, guide, optim, Trace_ELBO()).run(num_steps, *args, progress=False)
    report = guide_diagnostics(model, guide.laplace_approximation(*args), *args)
    capacity = unit * report.samples["capacity"]
    low, high = pi(capacity, 0.9)
    return (
        f"Laplace's approximation says a capacity of {low:.0f} to {high:.0f} "
        f"(k-hat {report.k_hat:.2f}: {report.verdict})"
    )


def plot(forecasts: dict[str, tuple[Growth, Forecast]], folder: str) -> None:
    """Data, fitted and forecast, with intervals."""
    figure, panels = axes(len(forecasts), width=10.0, height=4.0)
    for ax, (growth, found) in zip(panels, forecasts.values(), strict=True):
        times, known = growth.times, growth.known
        for mass, alpha in ((0.9, 0.15), (0.5, 0.3)):
            low, high = pi(found.sizes, mass)
            ax.fill_between(
                times,
                low,
                high,
                color="C0",
                alpha=alpha,
                lw=0,
                label=f"{100 * mass:.0f} % interval",
            )
        ax.plot(times, found.sizes.median(0).values, color="C0", label="median")
        ax.plot(times[:known], growth.sizes[:known], "o", color="black", ms=4, label="fitted to")
        ax.plot(times[known:], growth.sizes[known:], "o", color="C3", ms=4, label="held out")
        ax.axvline(times[known - 1].item(), color="0.8", lw=1, zorder=0)
        ax.set(xlabel=growth.time_unit, ylabel=growth.size_unit, title=growth.name)
        ax.set_ylim(0, 1.3 * growth.sizes.max().item())
    panels[0].legend(frameon=False, fontsize=8, loc="upper left")
    save(figure, "logistic_growth", folder)


def main(
    num_samples: int = 1000, num_steps: int = 1000, folder: str = "output"
) -> dict[str, tuple[Growth, Forecast]]:
    """Print both forecasts, and whether they held."""
    forecasts = {}
    for growth in (YEAST, UNITED_STATES):
        found = forecast(growth, num_samples, num_steps)
        forecasts[growth.name] = growth, found
        times, low, high = growth.times, *pi(found.sizes, 0.9)
        print(f"{growth.name}: {growth.size_unit}, fitted until {times[growth.known - 1]:g}")
        columns = (growth.sizes, found.sizes.median(0).values, low, high)
        rows = [
            (f"{times[i]:g}", *(column[i].item() for column in columns))
            for i in range(growth.known, len(growth.sizes))
        ]
        print(table([growth.time_unit, "measured", "median", "5 %", "95 %"], rows, digits=0))
        least, most = pi(found.capacity, 0.9)
        print(
            f"Capacity {found.capacity.median():.0f} (90 %: {least:.0f} to {most:.0f}; published "
            f"{growth.published_capacity:.0f}). {found.covered:.0%} of the held-out sizes lie in "
            f"their 90 % intervals.\n{found.text}\n"
        )
    plot(forecasts, folder)
    return forecasts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-samples", type=int, default=1000)
    main(parser.parse_args().num_samples)
