"""Guides written by hand with groups and plates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.contrib import autoguide as old_path
from pyro.contrib.easyguide import EasyGuide, easy_guide
from pyro.errors import SiteError
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal, init_to_median
from pyro.optim import Adam


def series(batch: Tensor, full_size: int) -> None:
    """Local drifts of a subsample, with shared dynamics."""
    drift = pyro.sample("drift", dist.LogNormal(0.0, 1.0))
    with pyro.plate("batch", full_size, subsample_size=len(batch)):
        state = 0.0
        for t in range(3):
            state = pyro.sample(f"state_{t}", dist.Normal(state, drift))
            pyro.sample(f"obs_{t}", dist.Normal(state, 1.0), obs=batch[:, t])


class SeriesGuide(EasyGuide):
    def guide(self, batch: Tensor, full_size: int) -> None:
        self.map_estimate("drift")
        states = self.group(match="state_[0-9]*")
        with self.plate("batch", full_size, subsample_size=len(batch)):
            loc = pyro.param("loc", torch.zeros(full_size, 3), event_dim=1)
            scale = pyro.param("scale", torch.ones(3), constraint=dist.constraints.positive)
            drawn, values = states.sample("states", dist.Normal(loc, scale).to_event(1))
            assert drawn.shape[-1:] == states.event_shape
            assert values.keys() == {"state_0", "state_1", "state_2"}

    def init(self, site: object) -> Tensor:
        value: Tensor = init_to_median(site)
        return value


@pytest.mark.parametrize("vectorize", [False, True])
def test_series(vectorize: bool) -> None:
    guide = SeriesGuide(series)
    elbo = Trace_ELBO(num_particles=2, vectorize_particles=vectorize)
    svi = SVI(series, guide, Adam({"lr": 0.05}), elbo)
    losses = [svi.step(torch.zeros(size, 3), 6) for size in (4, 4, 2) * 15]
    assert sum(losses[-6:]) < sum(losses[:6])
    assert pyro.param("auto_drift").shape == ()


def test_map_estimate_in_a_plate_and_of_a_group() -> None:
    def model() -> None:
        with pyro.plate("p", 3):
            pyro.sample("x", dist.LogNormal(0.0, 1.0))
            pyro.sample("y", dist.Dirichlet(torch.ones(2)))

    @easy_guide(model)
    def guide(self: EasyGuide) -> dict[str, Tensor]:
        """All of them."""
        return self.group().map_estimate()

    values = guide()
    assert values["x"].shape == (3,)
    assert values["y"].shape == (3, 2)
    assert guide.__doc__ == "All of them."
    losses = [SVI(model, guide, Adam({"lr": 0.1}), Trace_ELBO()).step() for _ in range(2)]
    assert all(torch.tensor(losses).isfinite())


def test_densities_of_a_group() -> None:
    """The density of the draw, less the logarithms of the Jacobians."""

    def model() -> None:
        pyro.sample("x", dist.LogNormal(0.0, 1.0))
        pyro.sample("y", dist.Dirichlet(torch.ones(3)))

    @easy_guide(model)
    def guide(self: EasyGuide) -> None:
        group = self.group()
        group.sample("z", dist.Normal(torch.zeros(group.event_shape), 1.0).to_event(1))

    trace = poutine.trace(guide).get_trace()
    assert trace.nodes["z"]["value"].shape == (3,)
    expected = -trace.nodes["x"]["value"].log()
    torch.testing.assert_close(trace.nodes["x"]["fn"].log_density, expected)
    assert trace.nodes["y"]["fn"].log_density.shape == ()


def test_errors() -> None:
    def model() -> None:
        pyro.sample("x", dist.Normal(0.0, 1.0))
        with pyro.plate("p", 3):
            pyro.sample("y", dist.Normal(0.0, 1.0))

    def run(action: object) -> None:
        easy_guide(model)(action)()  # type: ignore[arg-type]

    with pytest.raises(SiteError, match=r"match='z'.*\['x', 'y'\]"):
        run(lambda self: self.group(match="z"))
    with pytest.raises(SiteError, match="are in different plates"):
        run(lambda self: self.group())
    with pytest.raises(SiteError, match="no latent site has this name"):
        run(lambda self: self.map_estimate("w"))


def test_the_old_path_of_automatic_guides() -> None:
    with pytest.warns(DeprecationWarning, match=r"use pyro.infer.autoguide.AutoNormal"):
        assert old_path.AutoNormal is AutoNormal
    assert not hasattr(old_path, "__wrapped__")
