"""Which reparameteriser for which site."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer.reparam import (
    AutoReparam,
    GumbelSoftmaxReparam,
    LatentStableReparam,
    LinearHMMReparam,
    LocScaleReparam,
    MinimalReparam,
    ProjectedNormalReparam,
    StableReparam,
    Strategy,
    StudentTReparam,
    SymmetricStableReparam,
    TransformReparam,
)
from pyro.infer.reparam import strategies as documented

ZERO, ONE = torch.zeros(1), torch.ones(1)


def hmm(step: Any, noise: Any = None) -> Any:
    normal = dist.Normal(ZERO, 1.0).to_event(1)
    eye = torch.eye(1)
    return dist.LinearHMM(normal, eye, step.to_event(1), eye, noise or normal, duration=3)


MINIMAL = [
    (dist.Stable(1.5, 0.0), False, LatentStableReparam),
    (dist.Stable(1.5, 0.0), True, SymmetricStableReparam),
    (dist.Stable(1.5, 0.3).expand([2]).to_event(1), True, StableReparam),
    (dist.StableWithLogProb(1.5, 0.3), False, type(None)),
    (dist.ProjectedNormal(torch.ones(2)), False, ProjectedNormalReparam),
    (dist.ProjectedNormal(torch.ones(2)), True, type(None)),
    (hmm(dist.StudentT(3.0, ZERO, 1.0)), True, LinearHMMReparam),
    (dist.IndependentHMM(hmm(dist.Stable(1.5, ZERO)).expand([2])), False, LinearHMMReparam),
    (dist.StudentT(3.0), True, type(None)),
    (dist.Normal(2.0, 3.0), False, type(None)),
    (dist.Poisson(2.0), False, type(None)),
]
AUTO = [
    *[row for row in MINIMAL if type(row[0]) is not dist.Normal],
    (dist.Normal(2.0, 3.0), False, LocScaleReparam),
    (dist.Normal(2.0, 3.0).mask(True), False, LocScaleReparam),
    (dist.Normal(2.0, 3.0), True, type(None)),
    (dist.Normal(0.0, 1.0), False, type(None)),
    (dist.Normal(torch.zeros((), requires_grad=True), 1.0), False, LocScaleReparam),
    (dist.StableWithLogProb(1.5, 0.3, 2.0), False, LocScaleReparam),
    (dist.LogNormal(0.0, 1.0), False, TransformReparam),
    (dist.Gumbel(1.0, 1.0), False, LocScaleReparam),
    (dist.HalfNormal(1.0), False, type(None)),
    (dist.RelaxedOneHotCategorical(0.1, logits=torch.zeros(3)), False, GumbelSoftmaxReparam),
    (dist.Gamma(1.0, 1.0), False, type(None)),
]
AUTO = [
    row for row in AUTO if not (type(row[0]) is dist.StableWithLogProb and row[2] is type(None))
]


@pytest.mark.parametrize(
    ("strategy", "fn", "observed", "expected"),
    [(MinimalReparam, *row) for row in MINIMAL] + [(AutoReparam, *row) for row in AUTO],
)
def test_choice(strategy: Any, fn: Any, observed: bool, expected: type) -> None:
    msg = {"name": "x", "fn": fn, "is_observed": observed, "infer": {}}
    assert type(strategy().configure(msg)) is expected


def test_parts_of_a_state_space_model() -> None:
    noise = dist.LogNormal(ZERO, 1.0).to_event(1)
    msg: Any = {"name": "x", "fn": hmm(dist.Stable(1.5, ZERO), noise), "is_observed": True}
    found: Any = MinimalReparam().configure(msg)
    assert found.init is None and found.obs is None
    assert type(found.trans) is SymmetricStableReparam
    msg["fn"] = hmm(dist.StudentT(3.0, ZERO, 1.0))
    found = MinimalReparam().configure(msg)
    assert type(found.trans) is StudentTReparam


def model() -> torch.Tensor:
    tau = pyro.sample("tau", dist.LogNormal(0.0, 2.0))
    with pyro.plate("data", 3):
        theta = pyro.sample("theta", dist.Normal(1.0, tau))
        pyro.sample("x", dist.Stable(1.5, 0.2, 1.0, theta), obs=torch.zeros(3))
    return theta


def latents(program: Any) -> list[str]:
    return [n for n in poutine.trace(program).get_trace().stochastic_nodes if n != "data"]


def test_auxiliary_sites_are_looked_at_in_turn() -> None:
    expected = ["tau_base_decentered", "theta_decentered"]
    expected += [
        f"x_{part}" for part in ("z_uniform", "z_exponential", "t_uniform", "t_exponential")
    ]
    assert latents(AutoReparam()(model)) == expected
    assert poutine.trace(AutoReparam()(model)).get_trace().param_nodes == [
        "tau_base_centered",
        "theta_centered",
    ]
    assert latents(AutoReparam(centered=1.0)(model))[:2] == ["tau_base", "theta"]


def test_a_strategy_is_a_decorator_a_config_and_a_record() -> None:
    strategy = AutoReparam(centered=0.0)
    expected = latents(strategy(model))
    assert latents(poutine.reparam(model, config=strategy)) == expected
    assert latents(poutine.reparam(model, config=strategy.config)) == expected
    with poutine.trace() as tracer, poutine.reparam(config=strategy):
        model()
    assert [n for n in tracer.trace.stochastic_nodes if n != "data"] == expected
    assert strategy.config["x"] is not None and strategy.config["theta_decentered"] is None


def test_choices_are_made_once() -> None:
    asked = []

    class Ask(Strategy):
        def configure(self, msg: Any) -> None:
            asked.append(msg["name"])

    program = Ask()(model)
    program()
    program()
    assert asked == ["tau", "theta", "x"]


def test_documented_home() -> None:
    assert documented.AutoReparam is AutoReparam
    with pytest.raises(ValueError, match="centered must be in"):
        AutoReparam(centered=1.5)
    with pytest.raises(TypeError, match="abstract"):
        Strategy()  # type: ignore[abstract]
