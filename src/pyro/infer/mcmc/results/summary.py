"""A table of what chains say about each unknown, and a verdict."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.results import convergence
from pyro.infer.mcmc.results.ordered import Ordered

Row = dict[str, float]


def summarize(samples: Mapping[str, Tensor], prob: float = 0.9) -> dict[str, dict[str, Tensor]]:
    """Statistics of each site: mean, std, median, interval, effective sizes, R-hat.

    :param samples: Draws by name, of shape ``(chains, draws) + shape of the site``.
    :param prob: The mass of the central interval.
    :return: By site, then by statistic: tensors of the shape of the site.
    """
    low, high = (1 - prob) / 2, (1 + prob) / 2
    result = {}
    for name, draws in samples.items():
        values = draws.detach().double()
        pooled = values.flatten(0, 1)
        columns = pooled.reshape(len(pooled), -1).T.contiguous()
        bounds = Ordered(columns[:, None]).quantiles([low, 0.5, high])
        bounds = bounds.reshape(3, *pooled.shape[1:])
        result[name] = {
            "mean": pooled.mean(0),
            "std": pooled.std(0) if len(pooled) > 1 else torch.full_like(pooled[0], math.nan),
            "median": bounds[1],
            f"{low:.1%}": bounds[0],
            f"{high:.1%}": bounds[2],
            **convergence.mixing(values),
        }
    return result


class Health(NamedTuple):
    """What a run shows beside its draws."""

    divergences: int = 0
    draws: int = 0
    chains: int = 1
    at_max_depth: int = 0
    bfmi: tuple[float, ...] = ()
    unmoved: tuple[int, ...] = ()


def verdict(statistics: Mapping[str, Mapping[str, Tensor]], health: Health) -> list[str]:
    """What is wrong with a run, in words, and what to try; empty if nothing is."""
    return list(itertools.chain(_of_chains(health), _of_sites(statistics, health)))


def report(of: str, statistics: Mapping[str, Mapping[str, Tensor]], health: Health) -> str:
    """A line with the verdict, the table, and what is wrong in words.

    :param of: What ran, for the first line.
    """
    found = verdict(statistics, health)
    count = f"{len(found)} sign{'s' * (len(found) != 1)} of trouble, below the table"
    lines = [f"{of}: {count if found else 'no sign of trouble'}.", "", table(statistics), ""]
    lines.append(f"Number of divergences: {health.divergences}")
    if any(bool((s["std"] == 0).any()) for s in statistics.values()):
        lines.append("Elements with std 0 never change; they have no effective size and no R-hat.")
    return "\n".join(lines + [f"Look here: {text}" for text in found])


def _of_chains(health: Health) -> Iterable[str]:
    if health.divergences:
        share = health.divergences / max(health.draws, 1)
        yield (
            f"{health.divergences} divergent transitions ({share:.1%}): the sampler could not "
            "follow the density where it curves strongly, so estimates may be biased. Raise "
            "target_accept_prob to 0.95 or more, or reparameterise (LocScaleReparam, or "
            "AutoReparam for all sites)."
        )
    if health.at_max_depth > health.draws / 100:
        yield (
            f"{health.at_max_depth} of {health.draws} trajectories were cut off at max_tree_depth: "
            "the draws are right but slow to mix. Rescale or reparameterise, or use full_mass=True."
        )
    weak = [f"{value:.2f}" for value in health.bfmi if value < 0.3]
    if weak:
        yield (
            f"E-BFMI is below 0.3 in {len(weak)} chains ({', '.join(weak)}): the energy mixes "
            "slowly, which heavy tails or a funnel cause. Reparameterise."
        )
    if health.unmoved:
        yield (
            f"chains {list(health.unmoved)} did not move at all: the density there may be wrong, "
            "or the step size too large (a longer warm-up, another init_strategy)."
        )


def _of_sites(statistics: Mapping[str, Mapping[str, Tensor]], health: Health) -> Iterable[str]:
    mixed = [name for name, s in statistics.items() if bool((s["r_hat"] > 1.01).any())]
    if mixed:
        worst = max(float(statistics[name]["r_hat"].nan_to_num(0).max()) for name in mixed)
        yield (
            f"R-hat is above 1.01 (up to {worst:.2f}) at {_listed(mixed)}: chains disagree. Run "
            "longer; if it stays, the posterior has several modes or is improper."
        )
    needed = 100 * health.chains
    few = [
        name
        for name, s in statistics.items()
        if bool((torch.minimum(s["n_eff"], s["n_eff_tail"]) < needed).any())
    ]
    if few and health.draws > needed:
        yield (
            f"the effective sample size is below {needed} (100 per chain) at {_listed(few)}: "
            "draw more before you trust means and quantiles."
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more sites"


def table(statistics: Mapping[str, Mapping[str, Tensor]]) -> str:
    """A readable table, a row for each element of each site."""
    columns = list(next(iter(statistics.values()), {}))
    shown = [column for column in columns if column != "mcse"]
    rows = [["", *shown]]
    for name, by_statistic in statistics.items():
        shape = by_statistic["mean"].shape
        for index in itertools.product(*map(range, shape)):
            label = f"{name}[{','.join(map(str, index))}]" if index else name
            cells = [_cell(column, float(by_statistic[column][index])) for column in shown]
            rows.append([label, *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(shown) + 1)]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def _cell(column: str, value: float) -> str:
    if math.isnan(value):
        return "-" if column.startswith("n_eff") or column == "r_hat" else "nan"
    if column.startswith("n_eff"):
        return f"{value:.0f}"
    return f"{value:.2f}" if column == "r_hat" else f"{value:.4g}"
