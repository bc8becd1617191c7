"""All latent sites in the auxiliary coordinates of a structured guide."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd.functional import jacobian

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer.reparam import ReparamError, StructuredReparam

DATA = torch.tensor([0.3, -1.0, 2.0])
AUX = {"scale_aux": torch.tensor(0.3), "theta_aux": torch.tensor([0.1, -0.4, 1.0])}


def model(data: torch.Tensor = DATA) -> torch.Tensor:
    with pyro.plate("data", 3), poutine.scale(scale=0.5):
        theta: torch.Tensor = pyro.sample("theta", dist.Normal(0.0, 1.0))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    with pyro.plate("again", 3):
        pyro.sample("x", dist.Normal(theta, scale), obs=data)
    return theta


def guide(data: torch.Tensor = DATA) -> None:
    auxiliary = {"is_auxiliary": True}
    z = pyro.sample("scale_aux", dist.Normal(0.0, 1.0), infer=auxiliary)
    scale = (0.2 + 0.5 * z).exp()
    pyro.sample("scale", dist.Delta(scale, log_density=-(0.5 * scale).log()))
    with pyro.plate("data", 3):
        w = pyro.sample("theta_aux", dist.Normal(0.0, 1.0), infer=auxiliary)
        theta = data + 0.7 * z + 0.3 * w
        log_density = -torch.tensor(0.3).log().expand(w.shape)
        pyro.sample("theta", dist.Delta(theta, log_density=log_density))


def joint(program: Any, **values: torch.Tensor) -> Any:
    trace = poutine.trace(poutine.condition(program, values)).get_trace(DATA)
    return trace.log_prob_sum(), trace


def test_the_sites_are_those_of_the_guide() -> None:
    trace = poutine.trace(StructuredReparam(guide).reparam(model)).get_trace()
    assert trace.stochastic_nodes == ["data", "scale_aux", "theta_aux", "again"]
    assert [frame.name for frame in trace.nodes["theta_aux"]["cond_indep_stack"]] == ["data"]
    assert not trace.nodes["scale_aux"]["cond_indep_stack"]


def test_the_density_is_the_old_one_times_the_jacobian() -> None:
    reparam_model = StructuredReparam(guide).reparam(model)

    def values_of(z: torch.Tensor) -> torch.Tensor:
        trace = joint(reparam_model, scale_aux=z[0], theta_aux=z[1:])[1]
        return torch.cat([trace.nodes[n]["value"].reshape(-1) for n in ("scale", "theta")])

    actual, trace = joint(reparam_model, **AUX)
    values = {name: trace.nodes[name]["value"] for name in ("scale", "theta")}
    z = torch.cat([AUX["scale_aux"].reshape(1), AUX["theta_aux"]])
    expected = joint(model, **values)[0] + torch.linalg.slogdet(jacobian(values_of, z)).logabsdet
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_auxiliary_samples_become_samples_of_the_sites() -> None:
    structured = StructuredReparam(guide)
    reparam_model = structured.reparam(model)
    samples = {"scale_aux": torch.randn(5), "theta_aux": torch.randn(5, 3)}
    expected = []
    for i in range(5):
        trace = joint(reparam_model, **{name: value[i] for name, value in samples.items()})[1]
        expected.append([trace.nodes[name]["value"] for name in ("scale", "theta")])
    found = structured.transform_samples(samples)
    torch.testing.assert_close(found["scale"], torch.stack([pair[0] for pair in expected]))
    torch.testing.assert_close(found["theta"], torch.stack([pair[1] for pair in expected]))
    assert list(structured.transform_samples(samples, save_params=["scale"])) == ["scale"]


def test_a_guide_of_another_kind_is_refused() -> None:
    def mean_field() -> None:
        pyro.sample("theta", dist.Normal(torch.zeros(3), 1.0))

    with pytest.raises(ReparamError, match="the guide draws 'theta' from Normal"):
        StructuredReparam(mean_field).reparam(model)()
    with pytest.raises(TypeError, match="expects a guide"):
        StructuredReparam(3)  # type: ignore[arg-type]


def test_a_site_that_is_met_twice_is_refused() -> None:
    def twice() -> None:
        for _ in range(2):
            pyro.sample("scale", dist.LogNormal(0.0, 1.0))

    with pytest.raises(ReparamError, match=r"at site 'scale', .* a second time"):
        StructuredReparam(lambda: guide()).reparam(twice)()


def test_all_sites_share_one_instance() -> None:
    with pytest.raises(ReparamError, match=r"at site 'scale', .* all share one"):
        poutine.reparam(model, config=lambda _: StructuredReparam(guide))()
