"""What all automatic guides share: setup, state, copies, moves, plates, names, errors."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import ShapeError, SiteError
from pyro.infer import SVI, Predictive, Trace_ELBO
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoGuide,
    AutoGuideList,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from pyro.infer.errors import InferenceError
from pyro.optim import Adam

ALL: list[type[AutoGuide]] = [
    AutoDelta,
    AutoNormal,
    AutoDiagonalNormal,
    AutoMultivariateNormal,
    AutoLowRankMultivariateNormal,
    AutoLaplaceApproximation,
    AutoIAFNormal,
]


def two_sites() -> None:
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    pyro.sample("x", dist.Normal(torch.zeros(3), scale.unsqueeze(-1)).to_event(1))


def local(y: Tensor, index: Tensor | None = None) -> None:
    """A latent for each of ten data; the caller may say which are seen."""
    mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 10, subsample=index, subsample_size=None):
        z = pyro.sample("z", dist.Normal(mu, 1.0))
        pyro.sample("y", dist.Normal(z, 0.1), obs=y if index is None else y[index])


# state


@pytest.mark.parametrize("cls", ALL)
def test_parameters_exist_after_setup(cls: type[AutoGuide]) -> None:
    guide = cls(two_sites)
    assert not list(guide.parameters())
    assert guide.setup() is guide
    before = dict(guide.named_parameters())
    assert before
    guide()
    SVI(two_sites, guide, Adam({"lr": 0.01}), Trace_ELBO()).step()
    after = dict(guide.named_parameters())
    assert {name: id(p) for name, p in before.items()} == {n: id(p) for n, p in after.items()}


def test_names_of_parameters() -> None:
    AutoNormal(two_sites)()
    AutoDiagonalNormal(two_sites)()
    AutoDelta(two_sites)()
    assert list(pyro.get_param_store()) == [
        "AutoNormal.locs.scale",
        "AutoNormal.scales.scale",
        "AutoNormal.locs.x",
        "AutoNormal.scales.x",
        "AutoDiagonalNormal.loc",
        "AutoDiagonalNormal.scale",
        "AutoDelta.scale",
        "AutoDelta.x",
    ]
    assert list(AutoNormal(two_sites).setup().state_dict()) == [
        "locs.scale_unconstrained",
        "locs.x_unconstrained",
        "scales.scale_unconstrained",
        "scales.x_unconstrained",
    ]


@pytest.mark.parametrize("cls", ALL)
def test_state_is_loaded_before_the_first_call(cls: type[AutoGuide]) -> None:
    first = cls(two_sites).setup()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(torch.randn_like(parameter))
    fresh = cls(two_sites)
    fresh.load_state_dict(first.state_dict())
    assert fresh.state_dict().keys() == first.state_dict().keys()
    held = dict(fresh.named_parameters())
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    expected = first()
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    fresh.setup()
    pyro.set_rng_seed(1)
    actual = fresh()
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value)
    assert all(parameter is held[name] for name, parameter in fresh.named_parameters())


def test_loaded_state_of_another_model_is_refused() -> None:
    fresh = AutoNormal(lambda: pyro.sample("x", dist.Normal(torch.zeros(2), 1.0).to_event(1)))
    fresh.load_state_dict(AutoNormal(two_sites).setup().state_dict())
    with pytest.raises(ShapeError, match=r"AutoNormal: the loaded state has 'locs.scale_unc"):
        fresh()


@pytest.mark.parametrize("cls", ALL)
def test_moved_before_the_first_call(cls: type[AutoGuide]) -> None:
    guide = cls(two_sites).double()
    drawn = guide()
    assert {p.dtype for p in guide.parameters()} == {torch.float64}
    assert drawn["x"].dtype == torch.float64
    assert {p.device.type for p in cls(two_sites).to("meta").setup().parameters()} == {"meta"}


# copies


@pytest.mark.parametrize("cls", ALL)
def test_pickled_guide_keeps_an_importable_model(cls: type[AutoGuide]) -> None:
    guide = cls(two_sites).setup()
    loaded = pickle.loads(pickle.dumps(guide))
    assert loaded.model is two_sites
    expected = guide.median()
    pyro.clear_param_store()
    torch.testing.assert_close(loaded.median(), expected)
    pyro.clear_param_store()
    new = pickle.loads(pickle.dumps(cls(two_sites)))
    assert new().keys() == {"scale", "x"}


def test_pickled_guide_loses_a_local_model() -> None:
    guide = AutoNormal(lambda: pyro.sample("x", dist.Normal(0.0, 1.0)))
    guide.setup()
    loaded = pickle.loads(pickle.dumps(guide))
    assert loaded().keys() == {"x"}
    with pytest.raises(InferenceError, match="unpickled without its model"):
        _ = loaded.model
    assert copy.deepcopy(guide).model is guide.model


# plates


@pytest.mark.parametrize("cls", [AutoDelta, AutoNormal])
@pytest.mark.parametrize("index", [[3, 7], [9, 1, 0], [5]])
def test_the_users_subsample_is_used(cls: type[AutoGuide], index: list[int]) -> None:
    """Also when a batch is shorter than the first; a warning would be an error."""
    y = torch.arange(10.0)
    guide = cls(local).setup(y, torch.tensor([0, 1, 2, 3]))
    given = torch.tensor(index)
    svi = SVI(local, guide, Adam({"lr": 0.1}), Trace_ELBO())
    values = guide.z if cls is AutoDelta else guide.locs.z
    before = values.detach().clone()
    svi.step(y, given)
    values = guide.z if cls is AutoDelta else guide.locs.z
    moved = (values.detach() != before).nonzero().squeeze(-1)
    assert moved.tolist() == sorted(index)
    assert torch.equal(guide.plates["data"].subsample, given)
    elbo = Trace_ELBO(num_particles=3, vectorize_particles=True)
    SVI(local, guide, Adam({"lr": 0.1}), elbo).step(y, given)


def test_create_plates_are_shared_with_the_model() -> None:
    def model(y: Tensor) -> Tensor:
        with pyro.plate("data", 10, subsample_size=4) as index:
            pyro.sample("z", dist.Normal(0.0, 1.0))
        return index

    def create(y: Tensor) -> Any:
        return pyro.plate("data", 10, subsample=torch.tensor([2, 4, 6, 8]))

    guide = AutoNormal(model, create_plates=create)
    trace = poutine.trace(guide).get_trace(torch.zeros(10))
    assert poutine.replay(model, trace=trace)(torch.zeros(10)).tolist() == [2, 4, 6, 8]
    assert guide.locs.z.shape == (10,)
    assert guide.median(torch.zeros(10))["z"].shape == (10,)
    with pytest.raises(InferenceError, match=r"must return a pyro.plate"):
        AutoNormal(model, create_plates=lambda y: 3)(torch.zeros(10))
    part = AutoNormal(model, create_plates=create)
    with pytest.raises(InferenceError, match="plates are shared by all parts"):
        AutoGuideList(model).append(part)


def test_threads_do_not_mix_plates() -> None:
    y = torch.arange(10.0)
    guide = AutoNormal(local).setup(y, torch.arange(3))
    guide(y, torch.arange(3))
    wrong: list[Any] = []

    def work(start: int) -> None:
        for size in range(1, 20):
            given = (torch.arange(1 + size % 5) + start) % 10
            z = guide(y, given)["z"]
            if z.shape != given.shape or not torch.equal(guide.plates["data"].subsample, given):
                wrong.append((start, size, z.shape))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_sequential_plates_are_refused() -> None:
    def model() -> None:
        for i in pyro.plate("loop", 3):
            pyro.sample(f"x{i}", dist.Normal(0.0, 1.0))

    with pytest.raises(NotImplementedError, match="'x0' is in the sequential plate 'loop'"):
        AutoNormal(model)()


# names


@pytest.mark.parametrize("cls", [AutoDelta, AutoNormal])
def test_names_of_all_kinds(cls: type[AutoGuide]) -> None:
    names = ["b.c", "b", "half", "in 1", "x/y", "training", "", "forward", "1"]

    def model() -> None:
        for name in names:
            pyro.sample(name, dist.LogNormal(0.0, 1.0))

    guide = cls(model)
    assert set(guide()) == set(names)
    assert set(guide.median()) == set(names)
    fresh = cls(model)
    fresh.load_state_dict(guide.state_dict())
    pyro.clear_param_store()
    assert set(fresh()) == set(names)


def test_dotted_names_nest() -> None:
    guide = AutoNormal(lambda: pyro.sample("b.c", dist.Normal(0.0, 1.0))).setup()
    assert guide.locs.b.c.shape == ()
    assert list(guide.state_dict()) == ["locs.b.c_unconstrained", "scales.b.c_unconstrained"]


def test_a_second_guide_of_a_class_says_that_it_inherits() -> None:
    first = AutoNormal(two_sites)
    first()
    with pytest.warns(UserWarning, match="a module has an attribute whose name another module has"):
        AutoNormal(two_sites)()
    with pyro.settings.context(module_local_params=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        second = AutoNormal(two_sites)
        second()
        assert second.locs.x.unconstrained() is not first.locs.x.unconstrained()


# the rest


@pytest.mark.parametrize("cls", ALL)
def test_predictions_from_a_guide(cls: type[AutoGuide]) -> None:
    guide = cls(two_sites)
    for parallel in (False, True):
        drawn = Predictive(two_sites, guide=guide, num_samples=5, parallel=parallel)()
        assert drawn["x"].shape[0] == 5
        assert drawn["x"].shape[-1] == 3
        assert drawn["scale"].reshape(-1).shape == (5,)


def test_a_model_without_latents_is_refused() -> None:
    with pytest.raises(SiteError, match="no latent sites"):
        AutoNormal(lambda: None)()


@pytest.mark.parametrize("cls", [AutoNormal, AutoDiagonalNormal, AutoMultivariateNormal])
def test_init_scale(cls: Any) -> None:
    with pytest.raises(InferenceError, match=r"init_scale must be positive, but got 0.0"):
        cls(two_sites, init_scale=0.0)
    guide = cls(two_sites, init_scale=0.25).setup()
    scale = guide.scales.x if cls is AutoNormal else guide.scale
    torch.testing.assert_close(scale.detach(), torch.full_like(scale, 0.25))


def test_setup_leaves_the_store_and_running_means_alone() -> None:
    norm = torch.nn.BatchNorm1d(1)

    def model() -> None:
        pyro.param("a", torch.tensor(1.0))
        x = pyro.sample("x", dist.Normal(torch.zeros(4, 1), 1.0).to_event(2))
        norm(x)

    AutoNormal(model).setup()
    assert not pyro.get_param_store()
    assert norm.num_batches_tracked == 0


def test_densities_are_skipped_where_all_is_masked() -> None:
    guide = AutoNormal(two_sites)
    with poutine.mask(mask=False):
        trace = poutine.trace(guide).get_trace()
    assert trace.nodes["scale"]["fn"].log_density == 0.0
