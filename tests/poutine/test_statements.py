"""Statements: observations, partial observations, factors, modules."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import ShapeError, SiteError
from pyro.params.param_store import PARAM_STORE
from pyro.primitives import deterministic, factor, module, param, plate, random_module, sample

NORMAL = dist.Normal(0.0, 1.0)


def nodes(fn: Any) -> Any:
    return poutine.trace(fn).get_trace().nodes


def test_outside_of_handlers() -> None:
    assert sample("x", NORMAL).shape == ()
    with pytest.warns(RuntimeWarning, match="outside of inference at x"):
        assert sample("x", NORMAL, obs=2.0) == 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert deterministic("d", torch.tensor(3.0)) == 3.0
    with pytest.raises(SiteError, match="expected a distribution, but got Tensor"):
        sample("x", torch.zeros(3))  # type: ignore[arg-type]


@pytest.mark.parametrize("obs", [1, 1.0, True, np.float32(1), np.ones(()), torch.ones(())])
def test_observations_of_every_numeric_type(obs: Any) -> None:
    site = nodes(lambda: sample("x", dist.Bernoulli(0.5), obs=obs))["x"]
    assert site["is_observed"] and isinstance(site["value"], torch.Tensor)
    assert float(site["fn"].log_prob(site["value"])) == pytest.approx(np.log(0.5))


def test_infer_is_copied_and_is_observed_can_be_overridden() -> None:
    options = {"mark": 1}
    site = nodes(lambda: sample("x", NORMAL, infer=options))["x"]
    assert site["infer"] == options and site["infer"] is not options
    site = nodes(lambda: sample("x", NORMAL, obs=1.0, infer={"is_observed": False}))["x"]
    assert not site["is_observed"] and "is_observed" not in site["infer"] and site["value"] == 1


def test_partly_observed_sites() -> None:
    mask = torch.tensor([True, False, True])
    data = torch.tensor([1.0, float("nan"), 3.0])

    def model() -> torch.Tensor:
        with plate("p", 3):
            result: torch.Tensor = sample("x", NORMAL, obs=data, obs_mask=mask)
        return result

    trace = poutine.trace(model).get_trace()
    trace.compute_log_prob()
    found = trace.nodes
    value = found["_RETURN"]["value"]
    assert torch.equal(value[mask], data[mask])
    assert value[1] == found["x_unobserved"]["value"][1]
    assert found["x_observed"]["is_observed"] and not found["x_unobserved"]["is_observed"]
    assert found["x_observed"]["log_prob"].ne(0).tolist() == mask.tolist()
    assert found["x_unobserved"]["log_prob"].ne(0).tolist() == (~mask).tolist()
    assert found["x"]["infer"]["_deterministic"]


@pytest.mark.parametrize("mask", [torch.ones(2, dtype=torch.bool), torch.ones(3)])
def test_bad_observation_masks(mask: torch.Tensor) -> None:
    with pytest.raises(ShapeError, match="Invalid obs_mask shape or dtype at site 'x'"):
        nodes(lambda: sample("x", NORMAL.expand([3]), obs=torch.zeros(3), obs_mask=mask))


@pytest.mark.parametrize("mask", [True, False])
def test_observation_masks_that_are_bools(mask: bool) -> None:
    found = nodes(lambda: sample("x", NORMAL, obs=2.0, obs_mask=mask))
    assert (found["_RETURN"]["value"] == 2.0) == mask


def test_factor_and_deterministic() -> None:
    def model() -> None:
        factor("f", torch.tensor([1.0, 2.0]))
        deterministic("d", torch.ones(2, 3), event_dim=1)

    trace = poutine.trace(model).get_trace()
    assert trace.log_prob_sum() == 3.0
    assert poutine.util.site_is_factor(trace.nodes["f"])
    assert not poutine.util.site_is_factor(trace.nodes["d"])
    assert trace.nodes["f"]["value"].shape == (2, 0)
    assert trace.nodes["f"]["infer"]["is_auxiliary"]
    assert trace.nodes["d"]["fn"].event_shape == (3,)
    assert not poutine.util.site_is_subsample(trace.nodes["f"])


@pytest.mark.parametrize("scale", [0, -1.0, torch.tensor([1.0, -1.0])])
def test_scales_must_be_positive(scale: Any) -> None:
    with pytest.raises(ValueError, match="scale"):
        poutine.scale(scale=scale)


@pytest.mark.parametrize("mask", [1, torch.ones(2), "yes", None])
def test_masks_must_be_bools(mask: Any) -> None:
    with pytest.raises(ValueError, match="mask must be a"):
        poutine.mask(mask=mask)


def test_get_mask() -> None:
    assert poutine.get_mask() is None
    with poutine.mask(mask=False):
        assert poutine.get_mask() is False


def test_modules_share_their_parameters_with_the_store() -> None:
    net = nn.Linear(2, 1)
    net.bias.requires_grad_(False)
    with pytest.warns(UserWarning, match="not registered because requires_grad is False: bias"):
        assert module("net", net) is net
    assert PARAM_STORE.unconstrained("net$$$weight") is net.weight
    net.bias.requires_grad_(True)
    assert set(nodes(lambda: module("net", net))) == {
        "_INPUT",
        "net$$$weight",
        "net$$$bias",
        "_RETURN",
    }
    with pytest.raises(ValueError, match="the class"):
        module("net", nn.Linear)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reserved"):
        module("a$$$b", net)


def test_lifted_modules_and_random_module() -> None:
    net = nn.Linear(2, 1)
    prior = {
        "weight": dist.Normal(0.0, 1.0).expand([1, 2]).to_event(2),
        "bias": dist.Normal(0.0, 1.0).expand([1]).to_event(1),
    }
    before = net.weight.detach().clone()
    with pytest.warns(FutureWarning, match="PyroModule"):
        lifted = random_module("net", net, prior)
    trace = poutine.trace(lifted).get_trace()
    assert set(trace.stochastic_nodes) == {"net$$$weight", "net$$$bias"}
    drawn = trace.nodes["_RETURN"]["value"]
    assert torch.equal(drawn.weight, trace.nodes["net$$$weight"]["value"])
    assert drawn(torch.ones(3, 2)).shape == (3, 1)
    assert torch.equal(net.weight, before)
    assert not torch.equal(lifted().weight, lifted().weight)


def test_priors_that_are_functions() -> None:
    def prior(*args: Any, **kwargs: Any) -> torch.Tensor:
        assert set(kwargs) == {"constraint", "event_dim"}
        result: torch.Tensor = sample("log_p", NORMAL)
        return result.exp()

    def model() -> torch.Tensor:
        return param("p", torch.tensor(1.0)) + param("p", torch.tensor(1.0))

    for given in (prior, {"p": prior}):
        trace = poutine.trace(poutine.lift(model, prior=given)).get_trace()
        assert list(trace) == ["_INPUT", "log_p", "_RETURN"]
        assert trace.nodes["_RETURN"]["value"] == 2 * trace.nodes["log_p"]["value"].exp()


def test_custom_statements_pass_through_handlers() -> None:
    @poutine.runtime.effectful(type="log")
    def log(value: float) -> float:
        return value

    class Collect(poutine.Messenger):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def _pyro_post_log(self, msg: Any) -> None:
            self.seen.append((msg["name"], msg["value"], msg["scale"]))

    with Collect() as collect, poutine.scale(scale=2.0), poutine.block(hide=["secret"]):
        log(1.0, name="a")
        log(2.0, name="secret")
    assert log(3.0) == 3.0
    assert collect.seen == [("a", 1.0, 2.0)]
    with pytest.raises(ValueError, match="message type"):
        poutine.runtime.effectful(lambda: None)


def test_hooks_can_be_registered_on_a_class() -> None:
    class Mine(poutine.Messenger):
        pass

    names = []

    @Mine.register(type="sample", post=True)
    def note(msg: Any) -> None:
        names.append(msg["name"])

    with Mine():
        sample("x", NORMAL)
    Mine.unregister(note, type="sample")
    with Mine():
        sample("y", NORMAL)
    assert names == ["x"]


@pytest.mark.parametrize("how", ["condition", "do", "obs"])
def test_whole_numbers_at_a_categorical_site_can_index(how: str) -> None:
    theta = torch.tensor([1.0, 2.0, 3.0])

    def model(k: int | None = None) -> torch.Tensor:
        return theta[sample("k", dist.Categorical(torch.ones(3)), obs=k)]

    if how == "obs":
        value = poutine.trace(model).get_trace(1).nodes["_RETURN"]["value"]
    else:
        value = getattr(poutine, how)(model, data={"k": 1})()
    assert value == 2.0


def test_a_factor_outside_of_inference_is_not_an_observation() -> None:
    pyro_factor = factor("penalty", -1.0)  # no warning
    assert pyro_factor is None


@pytest.mark.parametrize("obs", [None, torch.zeros(3)], ids=["latent", "observed"])
def test_obs_mask_that_does_not_fit_its_plate(obs: torch.Tensor | None) -> None:
    with (
        pytest.raises(ShapeError, match=r"obs_mask .* site 'x': \(2,\).*\(3,\)"),
        plate("p", 3),
    ):
        sample("x", dist.Normal(0.0, 1.0), obs=obs, obs_mask=torch.tensor([True, False]))


def test_equalize_ties_the_names_of_all_patterns() -> None:
    def program() -> list[torch.Tensor]:
        return [sample(name, dist.Normal(0.0, 1.0)) for name in ("a1", "b1", "b2", "c1")]

    a1, b1, b2, c1 = poutine.equalize(program, sites=["a.", "b."])()
    assert a1 == b1 == b2 != c1


def test_legacy_reparameteriser_that_returns_no_distribution() -> None:
    def standardize(name: str, fn: Any, obs: torch.Tensor | None) -> tuple[None, torch.Tensor]:
        return None, fn.loc + fn.scale * sample(f"{name}_base", dist.Normal(0.0, 1.0))

    def program() -> torch.Tensor:
        return sample("x", dist.Normal(3.0, 2.0))

    trace = poutine.trace(poutine.reparam(program, config={"x": standardize})).get_trace()
    assert trace.stochastic_nodes == ["x_base"]
    base = trace.nodes["x_base"]["value"]
    assert trace.log_prob_sum() == dist.Normal(0.0, 1.0).log_prob(base)
