"""Diagnosis of guides by importance weights, and what these correct, against exact answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, Predictive, Trace_ELBO, config_enumerate, guide_diagnostics
from pyro.infer.errors import InferenceError
from pyro.infer.weighted_draws import weighted_draws
from pyro.optim import ClippedAdam

X = torch.tensor([0.3, -1.2, 0.8, 2.0])
POSTERIOR = dist.Normal(X.sum() / 5, 5**-0.5)
LOG_EVIDENCE = dist.MultivariateNormal(torch.zeros(4), torch.eye(4) + 1).log_prob(X).item()
N = 2000


def model() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.deterministic("twice", 2 * z)
    with pyro.plate("data", 4):
        pyro.sample("x", dist.Normal(z, 1.0), obs=X)


def normal_guide(loc: float, scale: float) -> Callable[[], None]:
    def guide() -> None:
        pyro.sample("z", dist.Normal(loc, scale))

    return guide


EXACT = normal_guide(POSTERIOR.mean.item(), POSTERIOR.stddev.item())


def test_an_exact_guide() -> None:
    report = guide_diagnostics(model, EXACT, num_samples=N)
    assert report.k_hat == -math.inf and report.verdict == "good" and not report.looped_because
    assert report.elbo == pytest.approx(LOG_EVIDENCE, abs=1e-4)
    assert report.log_evidence == pytest.approx(LOG_EVIDENCE, abs=1e-4)
    assert report.ess == pytest.approx(N, rel=1e-3)
    assert report.elbo_se < 1e-4 and report.log_evidence_se < 1e-2


@pytest.mark.parametrize(("loc", "scale"), [(0.6, 0.5), (0.38, 0.7), (0.2, 0.42)])
def test_what_the_weights_correct(loc: float, scale: float) -> None:
    """Means within 5 standard errors; with k-hat below 0.7 these are normal."""
    report = guide_diagnostics(model, normal_guide(loc, scale), num_samples=N)
    assert report.verdict in ("good", "usable") and 300 < report.ess < N
    error = POSTERIOR.stddev / math.sqrt(report.ess)
    summary = report.summary()["z"]
    assert abs(summary["mean"] - POSTERIOR.mean) < 5 * error
    assert abs(summary["sd"] - POSTERIOR.stddev) < 5 * error
    for name, prob in (("5.0%", 0.05), ("median", 0.5), ("95.0%", 0.95)):
        assert abs(summary[name] - POSTERIOR.icdf(torch.tensor(prob))) < 10 * error
    gap = dist.kl_divergence(dist.Normal(loc, scale), POSTERIOR).item()
    assert abs(report.elbo - (LOG_EVIDENCE - gap)) < 5 * report.elbo_se
    assert abs(report.log_evidence - LOG_EVIDENCE) < 5 * report.log_evidence_se
    drawn = report.resample(5000)
    assert {k: v.shape for k, v in drawn.items()} == {"z": (5000,), "twice": (5000,)}
    assert torch.equal(drawn["twice"], 2 * drawn["z"])
    assert abs(drawn["z"].mean() - summary["mean"]) < error
    squares = report.expectation(lambda samples: samples["z"] ** 2)
    assert abs(squares - (summary["mean"] ** 2 + summary["sd"] ** 2)) < 1e-4
    assert Predictive(model, drawn, parallel=True)()["x"].shape == (5000, 4)


def test_bad_guides_and_points_are_told_apart() -> None:
    report = guide_diagnostics(model, normal_guide(0.0, 0.1), num_samples=N)
    assert report.verdict == "bad" and "reparameterise" in str(report)
    for action in (report.resample, report.summary):
        with pytest.warns(UserWarning, match="Do not trust the guide"):
            action()

    def point() -> None:
        pyro.sample("z", dist.Delta(torch.tensor(0.3)))

    report = guide_diagnostics(model, point, num_samples=100)
    assert report.verdict == "point" and "a point at 'z'" in report.advice
    assert report.k_hat == math.inf


# Programs of many shapes; the weights are compared with those of runs of their own.


class Case(NamedTuple):
    """A model, a guide, and whether draws can be made together."""

    model: Callable[..., Any]
    guide: Callable[..., Any]
    together: bool = True


def nested() -> None:
    mu = pyro.sample("mu", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    with pyro.plate("a", 3, dim=-2):
        a = pyro.sample("a_", dist.Normal(mu[..., 0], 1.0))
        with pyro.plate("b", 4, dim=-1):
            b = pyro.sample("b_", dist.Normal(a, 1.0))
            pyro.sample("x", dist.Normal(b, 1.0), obs=X.expand(3, 4))


def nested_guide() -> None:
    pyro.sample("mu", dist.Normal(torch.zeros(2), 0.9).to_event(1))
    with pyro.plate("a", 3, dim=-2):
        pyro.sample("a_", dist.Normal(torch.arange(3.0)[:, None] / 5, 0.7))
        with pyro.plate("b", 4, dim=-1):
            pyro.sample("b_", dist.Normal(0.2, 0.8))


def joint_guide() -> None:
    """An auxiliary site, as automatic guides have it."""
    loc, tril = torch.tensor([0.1, -0.2]), torch.tensor([[0.9, 0.0], [0.3, 0.8]])
    infer = {"is_auxiliary": True}
    z = pyro.sample("joint", dist.MultivariateNormal(loc, scale_tril=tril), infer=infer)
    pyro.sample("a", dist.Delta(z[..., 0]))
    log_b = z[..., 1]
    pyro.sample("b", dist.Delta(log_b.exp(), log_density=-log_b))


def scaled() -> None:
    a = pyro.sample("a", dist.Normal(0.0, 1.0))
    b = pyro.sample("b", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", 4), poutine.scale(scale=2.0), poutine.mask(mask=X > -1):
        pyro.sample("x", dist.Normal(a, b), obs=X)


def discrete() -> None:
    k = pyro.sample("k", dist.Categorical(torch.tensor([0.2, 0.3, 0.5])))
    with pyro.plate("data", 4):
        pyro.sample("x", dist.Normal(k.float(), 1.0), obs=X)


def discrete_guide() -> None:
    pyro.sample(
        "k", dist.Categorical(torch.tensor([0.4, 0.4, 0.2])), infer={"enumerate": "parallel"}
    )


def summed_up() -> None:
    """A sum over all draws, if there are several."""
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 4):
        pyro.sample("x", dist.Normal(z.sum(), 1.0), obs=X)


def branching() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.sample("x", dist.Normal(z if z > 0 else 2 * z, 1.0), obs=X[0])


def from_the_left() -> None:
    z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    pyro.sample("x", dist.Normal(z[0], 1.0), obs=X[0])


def pair_guide() -> None:
    pyro.sample("z", dist.Normal(torch.zeros(2), 0.8).to_event(1))


def undeclared() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.sample("x", dist.Normal(z, torch.ones(4)), obs=X)


CASES = {
    "nested plates": Case(nested, nested_guide),
    "auxiliary site, scale, mask": Case(scaled, joint_guide),
    "discrete site of the guide": Case(discrete, discrete_guide),
    "marked in both": Case(config_enumerate(discrete, "parallel"), discrete_guide),
    "sum over everything": Case(summed_up, normal_guide(0.3, 0.5), False),
    "branch": Case(branching, normal_guide(0.3, 0.5), False),
    "index from the left": Case(from_the_left, pair_guide, False),
    "undeclared batch dim": Case(undeclared, normal_guide(0.3, 0.5), False),
}


def log_joint(program: Callable[..., Any], values: dict[str, Tensor]) -> Tensor:
    total = poutine.trace(poutine.condition(program, values)).get_trace().log_prob_sum()
    return torch.as_tensor(total)


@pytest.mark.filterwarnings("ignore:The log-probability of site")
@pytest.mark.parametrize("name", CASES)
def test_weights_are_those_of_each_draw(name: str) -> None:
    case = CASES[name]
    draws = weighted_draws(case.model, case.guide, (), {}, 30, at_once=13)
    assert bool(draws.looped_because) is not case.together
    assert draws.log_p.shape == draws.log_q.shape == (30,) and draws.log_p.dtype == torch.float64
    traced = poutine.trace(case.model).get_trace()
    latent = traced.stochastic_nodes
    for i in range(30):
        values = {n: v[i] for n, v in draws.values.items()}
        assert values and all(values[n].shape == traced.nodes[n]["value"].shape for n in values)
        assert draws.log_p[i] == pytest.approx(log_joint(case.model, values).item(), abs=1e-3)
    assert set(draws.values) <= set(latent)
    assert len({value.item() for value in draws.log_p}) > 1
    if "joint" not in poutine.trace(case.guide).get_trace().nodes:
        values = {n: v[3] for n, v in draws.values.items()}
        assert draws.log_q[3] == pytest.approx(log_joint(case.guide, values).item(), abs=1e-3)


@pytest.mark.parametrize("branches", [False, True])
def test_sites_that_the_model_enumerates_are_summed_out(branches: bool) -> None:
    @config_enumerate
    def mixture() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        if branches:
            z = z if z > 0 else z + 0.0
        with pyro.plate("data", 4):
            k = pyro.sample("k", dist.Bernoulli(0.3))
            pyro.deterministic("shifted", z + k)
            pyro.sample("x", dist.Normal(z + k, 1.0), obs=X)

    draws = weighted_draws(mixture, EXACT, (), {}, 40)
    assert set(draws.values) == {"z"} and bool(draws.looped_because) is branches
    z = draws.values["z"]
    low, high = (dist.Normal(z[:, None] + k, 1.0).log_prob(X) for k in (0.0, 1.0))
    each = torch.logaddexp(low + math.log(0.7), high + math.log(0.3)).sum(-1)
    expected = each + dist.Normal(0.0, 1.0).log_prob(z)
    torch.testing.assert_close(draws.log_p.float(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Found vars in model but not guide")
def test_sites_that_only_the_model_has_are_proposals() -> None:
    def with_noise() -> None:
        model()
        pyro.sample("noise", dist.Normal(0.0, 3.0))

    report = guide_diagnostics(with_noise, EXACT, num_samples=100)
    assert report.elbo_se < 1e-4 and report.samples["noise"].std() > 1
    assert report.elbo == pytest.approx(LOG_EVIDENCE, abs=1e-4)


def test_subsampled_plates_are_warned_about() -> None:
    def of_part() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        with pyro.plate("data", 4, subsample_size=2) as indices:
            pyro.sample("x", dist.Normal(z, 1.0), obs=X[indices])

    with pytest.warns(UserWarning, match=r"The plates \['data'\] are subsampled"):
        draws = weighted_draws(of_part, EXACT, (), {}, 30)
    assert not draws.looped_because


def test_errors() -> None:
    def outside() -> None:
        pyro.sample("p", dist.Uniform(0.0, 1.0, validate_args=False))

    def misses() -> None:
        pyro.sample("p", dist.Normal(9.0, 0.1))

    with pytest.raises(InferenceError, match="at least 25 draws, not 10"):
        guide_diagnostics(model, EXACT, num_samples=10)
    with pytest.raises(InferenceError, match="none of 30 draws of the guide has a finite density"):
        guide_diagnostics(outside, misses, num_samples=30)
    with pytest.raises(InferenceError, match="must be positive"):
        weighted_draws(model, EXACT, (), {}, 30, at_once=0)
    with pytest.raises(InferenceError, match="prob must be between"):
        guide_diagnostics(model, EXACT, num_samples=30).summary(1.5)

    def broken() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        guide_diagnostics(model, broken, num_samples=30)


def test_text() -> None:
    report = guide_diagnostics(nested, nested_guide, num_samples=100)
    text = str(report)
    assert "a_[2,0]" in text and "b_[2,3]" in text and "log evidence" in text
    assert "GuideReport(k_hat=" in repr(report)


# Eight schools: fitted by SVI, corrected by PSIS, compared with the reference of posteriordb.


def schools(y: Tensor, sigma: Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", 8):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        theta = pyro.deterministic("theta", mu + tau * eta)
        pyro.sample("y", dist.Normal(theta, sigma), obs=y)


def mean_field(y: Tensor, sigma: Tensor) -> None:
    def param(name: str, init: Tensor, positive: bool = False) -> Tensor:
        value: Tensor = pyro.param(
            name, init, constraint=constraints.positive if positive else constraints.real
        )
        return value

    one = torch.tensor(1.0)
    pyro.sample("mu", dist.Normal(param("mu_", 4 * one), param("mu_sd", 3 * one, True)))
    pyro.sample("tau", dist.LogNormal(param("tau_", one), param("tau_sd", one, True)))
    with pyro.plate("schools", 8):
        sd = param("eta_sd", torch.ones(8), True)
        pyro.sample("eta", dist.Normal(param("eta_", torch.zeros(8)), sd))


def full_rank(y: Tensor, sigma: Tensor) -> None:
    loc = pyro.param("loc", torch.tensor([4.0, 1.0] + 8 * [0.0]))
    tril = pyro.param(
        "tril",
        torch.tensor([3.0, 0.8] + 8 * [0.9]).diag(),
        constraint=constraints.lower_cholesky,
    )
    infer = {"is_auxiliary": True}
    z = pyro.sample("joint", dist.MultivariateNormal(loc, scale_tril=tril), infer=infer)
    pyro.sample("mu", dist.Delta(z[..., 0]))
    log_tau = z[..., 1]
    pyro.sample("tau", dist.Delta(log_tau.exp(), log_density=-log_tau))
    with pyro.plate("schools", 8):
        pyro.sample("eta", dist.Delta(z[..., 2:].reshape(*z.shape[:-2], 8)))


@pytest.mark.parametrize("guide", [mean_field, full_rank])
def test_eight_schools(guide: Any, posteriordb: Path) -> None:
    """Means within 0.15 sd and sds within 15 %: more than 6 standard errors with 2000 draws.

    In twelve runs of each guide, with other seeds, k-hat was between 0.43 and 0.69: 0.56 on
    average, with a standard deviation of 0.06.
    """
    reference = json.loads((posteriordb / "reference.json").read_text())
    known = reference["eight_schools-eight_schools_noncentered"]
    data = json.loads((posteriordb / known["data"]).read_text())
    args = [torch.tensor(data[key], dtype=torch.float32) for key in ("y", "sigma")]
    elbo = Trace_ELBO(num_particles=8, vectorize_particles=True)
    svi = SVI(schools, guide, ClippedAdam({"lr": 0.03, "lrd": 0.997}), elbo)
    svi.run(800, *args, progress=False)
    report = guide_diagnostics(schools, guide, *args, num_samples=20_000)
    assert report.k_hat < 0.7 and report.ess > 2000
    summary = report.summary()
    for name, expected in known["parameters"].items():
        site, _, index = name.rstrip("]").partition("[")
        at = (int(index) - 1,) if index else ()
        mean, sd = (summary[site][key][at].item() for key in ("mean", "sd"))
        assert abs(mean - expected["mean"]) < 0.15 * expected["sd"], name
        assert 0.85 < sd / expected["sd"] < 1.15, name
