"""All latent sites in the coordinates of a guide."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd.functional import jacobian

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import Predictive
from pyro.infer.reparam import NeuTraReparam, ReparamError
from tests.infer.reparam.affine_guide import AffineGuide

DATA = torch.tensor([0.3, -1.0, 2.0])
LATENTS = ("loc", "scale", "theta")


def model(data: torch.Tensor = DATA) -> torch.Tensor:
    loc = pyro.sample("loc", dist.Normal(1.0, 2.0))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", 3), poutine.scale(scale=0.5):
        theta: torch.Tensor = pyro.sample("theta", dist.Gamma(scale, 1.0))
        pyro.sample("x", dist.Normal(loc * theta, 1.0), obs=data)
    return theta


def moved() -> tuple[NeuTraReparam, Any]:
    neutra = NeuTraReparam(AffineGuide(model))
    return neutra, poutine.reparam(model, config=lambda _: neutra)


def joint(program: Any, **values: torch.Tensor) -> Any:
    trace = poutine.trace(poutine.condition(program, values)).get_trace()
    return trace.log_prob_sum(), trace


def test_there_is_one_latent_site() -> None:
    neutra, reparam_model = moved()
    for program in (reparam_model, neutra.reparam(model), neutra.reparam()(model)):
        trace = poutine.trace(program).get_trace()
        assert [n for n in trace.stochastic_nodes if n != "data"] == ["loc_shared_latent"]


def test_the_density_is_the_old_one_times_the_jacobian() -> None:
    _, reparam_model = moved()
    z = torch.linspace(-1.0, 1.0, 5)

    def values_of(z: torch.Tensor) -> torch.Tensor:
        trace = joint(reparam_model, loc_shared_latent=z)[1]
        return torch.cat([trace.nodes[name]["value"].reshape(-1) for name in LATENTS])

    actual, trace = joint(reparam_model, loc_shared_latent=z)
    values = {name: trace.nodes[name]["value"] for name in LATENTS}
    expected = joint(model, **values)[0] + torch.linalg.slogdet(jacobian(values_of, z)).logabsdet
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_latent_samples_become_samples_of_the_sites() -> None:
    neutra, reparam_model = moved()
    z = torch.randn(7, 1, 5)
    values = neutra.transform_sample(z)
    drawn = Predictive(reparam_model, {"loc_shared_latent": z[:, 0]}, return_sites=LATENTS)()
    for name in LATENTS:
        torch.testing.assert_close(values[name].reshape(7, -1), drawn[name].reshape(7, -1))


def test_particles_run_together() -> None:
    _, reparam_model = moved()
    z = torch.randn(4, 5)
    with pyro.plate("particles", 4, dim=-2):
        together = joint(reparam_model, loc_shared_latent=z.unsqueeze(-2))[0]
    alone = sum(joint(reparam_model, loc_shared_latent=one)[0] for one in z)
    torch.testing.assert_close(together, alone)


def test_a_run_that_failed_leaves_nothing_behind() -> None:
    neutra, _ = moved()

    def fails(data: torch.Tensor = DATA) -> torch.Tensor:
        pyro.sample("loc", dist.Normal(1.0, 2.0))
        raise KeyError("stop")

    with pytest.raises(KeyError), poutine.reparam(config=lambda _: neutra) as handler:
        fails()
    with handler:
        assert model().shape == (3,)


def test_a_site_that_is_met_twice_is_refused() -> None:
    neutra, _ = moved()

    def twice() -> None:
        for _ in range(2):
            pyro.sample("loc", dist.Normal(1.0, 2.0))

    with pytest.raises(ReparamError, match=r"at site 'loc', .* a second time"):
        neutra.reparam(twice)()


def test_initial_values_are_those_of_the_shared_site() -> None:
    _, reparam_model = moved()

    class Start(poutine.messenger.Messenger):
        _initializes = True

        def _pyro_sample(self, msg: Any) -> None:
            if msg["name"] == "loc_shared_latent":
                msg["value"] = torch.zeros(5)
            elif msg["value"] is None and msg["name"] != "data":
                msg["value"] = torch.ones(msg["fn"].shape())

    with Start():
        trace = poutine.trace(reparam_model).get_trace()
    assert (trace.nodes["loc_shared_latent"]["value"] == 0).all()


def test_misuse_is_named() -> None:
    with pytest.raises(TypeError, match="AutoContinuous guide"):
        NeuTraReparam(lambda: None)
    neutra, _ = moved()
    neutra.guide.prototype_trace = None
    with pytest.raises(ReparamError, match="at site 'loc', NeuTraReparam needs a trained guide"):
        neutra.reparam(model)()
