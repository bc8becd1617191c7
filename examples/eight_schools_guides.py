"""Which guide is good enough? Eight schools once more, without writing a guide.

The model of ``eight_schools.py``, in its plain ("centred") form: ``theta ~ Normal(mu, tau)``. Small
``tau`` forces the schools together, so the posterior is a funnel, which no normal distribution
fits. What helps: writing the model in easier variables (:class:`LocScaleReparam`), a richer guide,
and, in any case, weights. ``svi.run`` fits, ``guide_diagnostics`` says by k-hat how far to trust
the guide (good below 0.5, useless above 0.7), and corrects its draws by Pareto smoothed importance
sampling.

The exact posterior, from long runs of NUTS (posteriordb, ``eight_schools_noncentered``): mu 4.4
with standard deviation 3.3, tau 3.6 with 3.2. Expect that both guides of the centred form fail, in
the narrow part of the funnel (tau near 1, k-hat near 1), and their weights cannot help; that
the guides of the non-centred form have k-hat between 0.4 and 0.8, and that with weights all three
agree with the exact posterior to about 0.2.

Run with ``python examples/eight_schools_guides.py``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import torch
from eight_schools import EFFECT, SCHOOLS, STDDEV
from reports import axes, save, table
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import SVI, GuideReport, Trace_ELBO, guide_diagnostics
from pyro.infer.autoguide import (
    AutoGuide,
    AutoIAFNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from pyro.infer.reparam import LocScaleReparam
from pyro.optim import ClippedAdam

EXACT = {"mu": (4.4, 3.3), "tau": (3.6, 3.2)}  # mean, standard deviation


def centred(stddev: Tensor, effect: Tensor) -> None:
    """The effects of coaching, in points of the test."""
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("school", len(stddev)):
        theta = pyro.sample("theta", dist.Normal(mu, tau))
        pyro.sample("effect", dist.Normal(theta, stddev), obs=effect)


non_centred = poutine.reparam(centred, config={"theta": LocScaleReparam(0.0)})

CASES: dict[str, tuple[Callable[..., None], type[AutoGuide]]] = {
    "centred, mean field": (centred, AutoNormal),
    "centred, full covariance": (centred, AutoMultivariateNormal),
    "non-centred, mean field": (non_centred, AutoNormal),
    "non-centred, full covariance": (non_centred, AutoMultivariateNormal),
    "non-centred, autoregressive flow": (non_centred, AutoIAFNormal),
}


def fit(
    model: Callable[..., None], family: type[AutoGuide], num_steps: int
) -> tuple[GuideReport, float]:
    """Fit a guide of the family; the report on its draws, and the seconds that the fit took."""
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    guide = family(model)
    optim = ClippedAdam({"lr": 0.05, "lrd": 0.05 ** (1 / num_steps)})
    result = SVI(model, guide, optim, Trace_ELBO()).run(num_steps, STDDEV, EFFECT, progress=False)
    report = guide_diagnostics(model, guide, STDDEV, EFFECT, num_samples=4000)
    return report, result.seconds


def moments(report: GuideReport, name: str) -> tuple[str, str]:
    """Mean ± standard deviation by the guide, and after its correction."""
    draws = report.samples[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the verdict is in the table
        corrected = report.summary()[name]
    own = f"{draws.mean():.1f} ± {draws.std():.1f}"
    return own, f"{corrected['mean']:.1f} ± {corrected['sd']:.1f}"


def plot(reports: dict[str, GuideReport], folder: str) -> None:
    """How far each guide is to be trusted, and what it says of tau, with and without weights."""
    figure, (left, right) = axes(2, width=9.5, height=3.8)
    rows = torch.arange(len(reports), 0, -1)
    k_hats = torch.tensor([report.k_hat for report in reports.values()])
    left.axvspan(-0.2, 0.5, color="C2", alpha=0.15, lw=0)
    left.axvspan(0.5, 0.7, color="C1", alpha=0.15, lw=0)
    left.plot(k_hats, rows, "o", color="black")
    left.set_yticks(rows, list(reports))
    left.set_ylim(0.5, len(reports) + 0.5)
    right.set_ylim(0.5, len(reports) + 0.5)
    left.set(xlabel="k-hat (green: good, orange: with weights)", xlim=(-0.2, 1.2))
    mean, sd = EXACT["tau"]
    right.axvspan(mean - sd, mean + sd, color="0.9", lw=0)
    right.axvline(mean, color="0.6", lw=1, label="exact")
    for shift, color, label in ((0.12, "C1", "guide"), (-0.12, "C0", "with weights")):
        for row, report in zip(rows.tolist(), reports.values(), strict=True):
            draws = report.samples["tau"]
            weights = report.psis_log_weights.exp() if shift < 0 else torch.ones(len(draws))
            weights = weights / weights.sum()
            m = (weights * draws).sum()
            s = (weights * (draws - m).square()).sum().sqrt()
            name = label if row == len(reports) else None
            right.errorbar(m, row + shift, xerr=s, fmt="o", color=color, ms=4, label=name)
    right.set_yticks([])
    right.set(xlabel="tau, spread between schools (points): mean ± sd")
    right.legend(frameon=False, fontsize=8)
    save(figure, "eight_schools_guides", folder)


def main(num_steps: int = 1000, folder: str = "output") -> dict[str, GuideReport]:
    """Fit all guides and print how good they are."""
    reports, rows = {}, []
    for name, (model, family) in CASES.items():
        report, seconds = fit(model, family, num_steps)
        reports[name] = report
        mu, tau = moments(report, "mu"), moments(report, "tau")
        row = (name, f"{seconds:.1f}", report.elbo, report.k_hat, report.verdict, *mu, *tau)
        rows.append(row)
    columns = ["guide", "s", "ELBO", "k-hat", "verdict"]
    columns += ["mu", "weighted", "tau", "weighted"]
    print(table(columns, rows))
    print("exact: " + ", ".join(f"{name} {m} ± {s}" for name, (m, s) in EXACT.items()))
    best = min(reports, key=lambda name: reports[name].k_hat)
    theta = reports[best].summary()["theta"]
    print(f"\nEffects of coaching (points), by the guide of least k-hat: {best}")
    print(table(
        ["school", "measured", "mean", "5 %", "95 %"],
        [(s, float(y), *map(float, row)) for s, y, *row in zip(
            SCHOOLS, EFFECT, theta["mean"], theta["5.0%"], theta["95.0%"], strict=True)],
        digits=1,
    ))  # fmt: skip
    plot(reports, folder)
    return reports


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-steps", type=int, default=1000)
    main(parser.parse_args().num_steps)
