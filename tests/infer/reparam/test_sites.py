"""Single sites: what is refused, and what is special to one reparameteriser."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import SiteError
from pyro.infer import SVI, Predictive, Trace_ELBO
from pyro.infer import reparam as rp
from pyro.infer.autoguide import InitMessenger, init_to_median, init_to_value

REFUSED = [
    (rp.LocScaleReparam(0.0), dist.LogNormal(0.0, 1.0), "TransformReparam first"),
    (rp.LocScaleReparam(0.0), dist.Gamma(1.0, 1.0), "does not know Gamma"),
    (rp.TransformReparam(), dist.Normal(0.0, 1.0), "needs a TransformedDistribution"),
    (rp.StudentTReparam(), dist.Normal(0.0, 1.0), "needs a StudentT, but got Normal"),
    (rp.LatentStableReparam(), dist.Cauchy(0.0, 1.0), "needs a Stable"),
    (rp.GumbelSoftmaxReparam(), dist.Dirichlet(torch.ones(2)), "needs a RelaxedOneHot"),
    (rp.ProjectedNormalReparam(), dist.Normal(0.0, 1.0), "needs a ProjectedNormal"),
    (rp.CircularReparam(), dist.Normal(0.0, 1.0), "needs a law of angles"),
    (rp.SplitReparam(1, -1), dist.Normal(0.0, 1.0), "needs dim -1 to be one of the event dims"),
    (rp.SplitReparam(1, -1), dist.Dirichlet(torch.ones(2)), "constrained as a whole"),
    (rp.SplitReparam([1, 5], -1), dist.Normal(torch.zeros(3), 1.0).to_event(1), "cannot cut"),
]


@pytest.mark.parametrize(("rewrite", "fn", "why"), REFUSED)
def test_what_does_not_fit_is_refused_with_the_name_of_the_site(
    rewrite: Any, fn: Any, why: str
) -> None:
    model = poutine.reparam(lambda: pyro.sample("x", fn), config={"x": rewrite})
    with pytest.raises(rp.ReparamError, match=f"at site 'x', .*{why}"):
        model()
    with pytest.raises(NotImplementedError):
        model()


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="centered must be in"):
        rp.LocScaleReparam(1.5)
    with pytest.raises(ValueError, match="dim must be negative"):
        rp.SplitReparam(1, 0)
    symmetric = {"x": rp.SymmetricStableReparam()}
    with pytest.raises(SiteError, match=r"at site 'x', .* nonzero skew"):
        poutine.reparam(lambda: pyro.sample("x", dist.Stable(1.5, 0.1)), config=symmetric)()


class Bell(dist.TorchDistribution):
    """A location-scale family that nobody knows."""

    arg_constraints = {
        "loc": dist.constraints.real,
        "scale": dist.constraints.positive,
        "power": dist.constraints.positive,
    }
    support = dist.constraints.real

    def __init__(self, loc: Any, scale: Any, power: Any) -> None:
        self.loc, self.scale, self.power = loc, scale, power
        super().__init__(loc.shape, torch.Size())

    def sample(self, sample_shape: Any = ()) -> torch.Tensor:
        draw: torch.Tensor = self.loc + self.scale * torch.randn(self.loc.shape)
        return draw

    def log_prob(self, value: Any) -> torch.Tensor:
        score: torch.Tensor = -(((value - self.loc) / self.scale) ** 2) - self.scale.log()
        return score


def test_families_can_be_declared() -> None:
    bell = Bell(torch.tensor(3.0), torch.tensor(2.0), torch.tensor(5.0))

    def traced(rewrite: Any) -> Any:
        model = poutine.reparam(lambda: pyro.sample("x", bell), config={"x": rewrite})
        return poutine.trace(model).get_trace().nodes["x_decentered"]["fn"]

    found = traced(rp.LocScaleReparam(0.0, shape_params=["power"]))
    assert (found.loc, found.scale, found.power) == (0.0, 1.0, 5.0)
    with pytest.raises(rp.ReparamError, match="does not know Bell"):
        traced(rp.LocScaleReparam(0.0))
    rp.register_loc_scale(Bell, ("power",))
    assert traced(rp.LocScaleReparam(0.5)).scale == 2.0**0.5


def test_centering_is_learned_per_entry_of_an_event_and_shared_by_plates() -> None:
    def model() -> None:
        with pyro.plate("data", 4, subsample_size=2):
            pyro.sample("x", dist.Normal(torch.ones(3), 2.0).to_event(1))

    program = poutine.reparam(model, config={"x": rp.LocScaleReparam()})
    pyro.clear_param_store()
    program()
    centered = pyro.param("x_centered")
    assert centered.shape == (3,) and (centered == 0.5).all()

    def guide() -> None:
        with pyro.plate("data", 4, subsample_size=2):
            pyro.sample("x_decentered", dist.Normal(torch.ones(3), 2.0).to_event(1))

    svi = SVI(program, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
    for _ in range(20):
        svi.step()
    moved = pyro.param("x_centered")
    assert ((moved >= 0) & (moved <= 1)).all() and (moved != 0.5).any()


def test_fully_centered_sites_stay() -> None:
    fn = dist.Normal(1.0, 2.0)
    model = poutine.reparam(lambda: pyro.sample("x", fn), config={"x": rp.LocScaleReparam(1.0)})
    site = poutine.trace(model).get_trace().nodes["x"]
    assert site["fn"] is fn and not site["is_observed"]


@pytest.mark.parametrize("alpha", [0.4, 0.9, 1.0, 1.1, 1.7, 2.0])
@pytest.mark.parametrize("beta", [-0.9, 0.0, 0.5])
def test_every_value_of_a_latent_stable_site_can_be_a_start(alpha: float, beta: float) -> None:
    fn = dist.Stable(torch.tensor(alpha), torch.tensor(beta), 2.0, 1.0)
    points = torch.tensor([-30.0, -1.0, 0.9, 1.0, 1.1, 5.0, 100.0])

    def model() -> torch.Tensor:
        with pyro.plate("data", len(points)):
            return pyro.sample("x", fn)

    program = poutine.reparam(model, config={"x": rp.LatentStableReparam()})
    with InitMessenger(init_to_value(values={"x": points})):
        trace = poutine.trace(program).get_trace()
    torch.testing.assert_close(trace.nodes["x"]["value"], points)
    noise = {name: trace.nodes[name]["value"] for name in ("x_uniform", "x_exponential")}
    again = poutine.condition(program, noise)()
    torch.testing.assert_close(again, points, rtol=0.02, atol=0.02)


def test_initial_values_reach_the_auxiliary_sites() -> None:
    def model() -> None:
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        pyro.sample("x", dist.Normal(3.0, scale))

    program = rp.AutoReparam(centered=0.0)(model)
    values = {"x": torch.tensor(7.0), "scale": torch.tensor(2.0)}
    with InitMessenger(init_to_value(values=values)):
        trace = poutine.trace(program).get_trace()
    assert trace.nodes["x_decentered"]["value"] == 2.0
    torch.testing.assert_close(trace.nodes["scale_base"]["value"].exp(), torch.tensor(2.0))
    with InitMessenger(init_to_median(num_samples=1000)):
        trace = poutine.trace(program).get_trace()
    assert abs(trace.nodes["x_decentered"]["value"]) < 1


def test_angles_cross_the_seam_and_keep_their_density() -> None:
    torus = dist.SineBivariateVonMises(0.0, 0.0, 2.0, 3.0, 0.5)
    skewed = dist.SineSkewed(torus, torch.tensor([0.3, -0.4]))
    for fn in (torus, skewed):
        model = poutine.reparam(lambda fn=fn: pyro.sample("x", fn), {"x": rp.CircularReparam()})
        far = torch.tensor([3.5, -9.0])
        trace = poutine.trace(poutine.condition(model, {"x_unwrapped": far})).get_trace()
        x = trace.nodes["x"]["value"]
        assert (x.abs() <= torch.pi).all()
        torch.testing.assert_close(trace.log_prob_sum(), fn.log_prob(x), rtol=1e-4, atol=1e-4)


def test_predictions_from_auxiliary_draws() -> None:
    def model() -> None:
        with pyro.plate("data", 3):
            pyro.sample("x", dist.Normal(torch.arange(3.0), 2.0))

    program = poutine.reparam(model, config={"x": rp.LocScaleReparam(0.0)})
    noise = torch.randn(5, 3)
    for parallel in (False, True):
        drawn = Predictive(program, {"x_decentered": noise}, parallel=parallel)()
        torch.testing.assert_close(drawn["x"], torch.arange(3.0) + 2 * noise)


def test_discrete_values_are_no_obstacle_to_the_split_of_integers() -> None:
    fn = dist.Poisson(torch.ones(4)).to_event(1)
    model = poutine.reparam(lambda: pyro.sample("x", fn), config={"x": rp.SplitReparam(2, -1)})
    trace = poutine.trace(model).get_trace()
    torch.testing.assert_close(trace.log_prob_sum(), fn.log_prob(trace.nodes["x"]["value"]))
