"""Real posteriors with reference draws, as models: a function from data to a model and its sites.

Each entry of :data:`POSTERIORS` makes, from the data of a posterior, a model without arguments in
double precision. Sites have the names of the reference's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist

Data = dict[str, Any]
Model = Callable[[], None]
Columns = list[Tensor]


def column(data: Data, name: str) -> Tensor:
    return torch.tensor(data[name], dtype=torch.float64)


def regression(columns: Columns, y: Tensor, sigma_prior: Any = None) -> Model:
    """y ~ normal(X beta, sigma) with an intercept, flat priors, and sigma > 0."""
    design = torch.stack([torch.ones_like(y), *columns], -1)
    flat = dist.ImproperUniform(dist.constraints.real_vector, (), (design.shape[1],))
    positive = dist.ImproperUniform(dist.constraints.positive, (), ())

    def model() -> None:
        beta = pyro.sample("beta", flat)
        sigma = pyro.sample("sigma", positive if sigma_prior is None else sigma_prior)
        with pyro.plate("data", len(y)):
            pyro.sample("y", dist.Normal(design @ beta, sigma), obs=y)

    return model


def eight_schools(data: Data) -> Model:
    y, sigma = column(data, "y"), column(data, "sigma")
    one = torch.ones((), dtype=torch.float64)

    def model() -> None:
        mu = pyro.sample("mu", dist.Normal(0 * one, 5.0))
        tau = pyro.sample("tau", dist.HalfCauchy(5 * one))
        with pyro.plate("schools", len(y)):
            standard = pyro.sample("theta_trans", dist.Normal(0 * one, 1.0))
            theta = pyro.deterministic("theta", mu + tau * standard, event_dim=0)
            pyro.sample("y", dist.Normal(theta, sigma), obs=y)

    return model


def earnings(kind: str) -> Callable[[Data], Model]:
    def make(data: Data) -> Model:
        earn, height, male = (column(data, name) for name in ("earn", "height", "male"))
        z = (height - height.mean()) / height.std()
        columns, y = {
            "earn_height": ([height], earn),
            "logearn_height": ([height], earn.log()),
            "log10earn_height": ([height], earn.log10()),
            "logearn_height_male": ([height, male], earn.log()),
            "logearn_logheight_male": ([height.log(), male], earn.log()),
            "logearn_interaction_z": ([z, male, z * male], earn.log()),
        }[kind]
        return regression(columns, y)

    return make


def kidscore(kind: str) -> Callable[[Data], Model]:
    def make(data: Data) -> Model:
        y, hs, iq = (column(data, name) for name in ("kid_score", "mom_hs", "mom_iq"))
        columns = {
            "momhs": lambda: [hs],
            "momiq": lambda: [iq],
            "momhsiq": lambda: [hs, iq],
            "interaction_c": lambda: with_product(hs - hs.mean(), iq - iq.mean()),
            "interaction_c2": lambda: with_product(hs - 0.5, iq - 100),
            "interaction_z": lambda: with_product(halved(hs), halved(iq)),
            "mom_work": lambda: [(column(data, "mom_work") == k).double() for k in (2, 3, 4)],
        }[kind]()
        prior = None
        if kind in ("momhs", "momiq", "momhsiq"):
            prior = dist.HalfCauchy(torch.tensor(2.5, dtype=torch.float64))
        return regression(columns, y, prior)

    return make


def with_product(a: Tensor, b: Tensor) -> Columns:
    return [a, b, a * b]


def halved(x: Tensor) -> Tensor:
    """Centred, and scaled by two standard deviations."""
    return (x - x.mean()) / (2 * x.std())


def mesquite(kind: str) -> Callable[[Data], Model]:
    names = ("diam1", "diam2", "canopy_height", "total_height", "density", "group")

    def make(data: Data) -> Model:
        weight = column(data, "weight")
        d1, d2, canopy, total, density, group = (column(data, name) for name in names)
        log_volume, log_area = (d1 * d2 * canopy).log(), (d1 * d2).log()
        raw = [d1, d2, canopy, total, density]
        columns = {
            "mesquite": [*raw, group],
            "logmesquite": [*(x.log() for x in raw), group],
            "logmesquite_logva": [log_volume, log_area, group],
            "logmesquite_logvas": [
                log_volume, log_area, (d1 / d2).log(), total.log(), density.log(), group,
            ],
            "logmesquite_logvolume": [log_volume],
        }[kind]  # fmt: skip
        return regression(columns, weight if kind == "mesquite" else weight.log())

    return make


def nes(data: Data) -> Model:
    age = column(data, "age_discrete")
    columns = [
        column(data, "real_ideo"),
        column(data, "race_adj"),
        *((age == k).double() for k in (2, 3, 4)),
        *(column(data, name) for name in ("educ1", "gender", "income")),
    ]
    return regression(columns, column(data, "partyid7"))


def blr(data: Data) -> Model:
    X, y = column(data, "X"), column(data, "y")
    ten = torch.tensor(10.0, dtype=torch.float64)

    def model() -> None:
        beta = pyro.sample("beta", dist.Normal(torch.zeros_like(X[0]), ten).to_event(1))
        sigma = pyro.sample("sigma", dist.HalfNormal(ten))
        with pyro.plate("data", len(y)):
            pyro.sample("y", dist.Normal(X @ beta, sigma), obs=y)

    return model


def hmm_drive(data: Data) -> Model:
    u, v, alpha = column(data, "u"), column(data, "v"), column(data, "alpha")
    tau, rho = float(data["tau"]), float(data["rho"])
    ordered = dist.ImproperUniform(dist.constraints.ordered_vector, (), (2,))
    prior = dist.Normal(torch.tensor([0.0, 3.0], dtype=torch.float64), 1.0)

    def model() -> None:
        rows = [pyro.sample(f"theta{k + 1}", dist.Dirichlet(alpha[k])) for k in range(2)]
        phi, lambda_ = pyro.sample("phi", ordered), pyro.sample("lambda", ordered)
        pyro.factor("prior", prior.log_prob(phi).sum() + prior.log_prob(lambda_).sum())
        transition = torch.stack(rows)
        initial = torch.full((2,), 0.5, dtype=torch.float64)
        scale = torch.tensor([tau, rho], dtype=torch.float64)
        pyro.sample(
            "uv",
            dist.DiscreteHMM(
                initial.log(),
                transition.log(),
                dist.Normal(torch.stack([phi, lambda_], -1), scale).to_event(1),
            ),
            obs=torch.stack([u, v], -1),
        )

    return model


POSTERIORS: dict[str, Callable[[Data], Model]] = {
    "eight_schools-eight_schools_noncentered": eight_schools,
    "sblri-blr": blr,
    "bball_drive_event_1-hmm_drive_1": hmm_drive,
    **{f"nes{year}-nes": nes for year in (1972, 1976, 1984, 1988, 1992, 1996, 2000)},
    **{
        f"earnings-{kind}": earnings(kind)
        for kind in (
            "earn_height",
            "logearn_height",
            "log10earn_height",
            "logearn_height_male",
            "logearn_logheight_male",
            "logearn_interaction_z",
        )
    },
    **{f"kidiq-kidscore_{kind}": kidscore(kind) for kind in ("momhs", "momiq", "momhsiq")},
    **{
        f"kidiq_with_mom_work-kidscore_{kind}": kidscore(kind)
        for kind in ("interaction_c", "interaction_c2", "interaction_z", "mom_work")
    },
    **{
        f"mesquite-{kind}": mesquite(kind)
        for kind in (
            "mesquite",
            "logmesquite",
            "logmesquite_logva",
            "logmesquite_logvas",
            "logmesquite_logvolume",
        )
    },
}
