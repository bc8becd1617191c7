"""A second run of the same compiles nothing; of anything else, it compiles anew."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import settings
from pyro.infer import HMC, MCMC, NUTS, RandomWalkKernel
from pyro.infer.mcmc import MCMCKernel

STATE: dict[str, Any] = {"scale": 2.0, "names": ["twice"], "branch": False}


def model(data: Tensor, prior: float = 10.0) -> None:
    """Everything that may change between runs has a part in it."""
    loc = pyro.sample("loc", dist.Normal(pyro.param("centre", torch.tensor(0.0)), prior))
    for name in STATE["names"]:
        pyro.deterministic(name, 2 * loc)
    with pyro.plate("data", len(data)):
        pyro.sample("y", dist.Normal(loc, STATE["scale"]), obs=data)


def new(kernel: Callable[[Any], MCMCKernel] = NUTS, **options: Any) -> MCMC:
    return MCMC(kernel(model), 50, 50, num_chains=2, disable_progbar=True, **options)


def numbers() -> Tensor:
    return torch.tensor([1.0, 2.0, 4.0, 9.0])


@pytest.mark.parametrize("method", ["native", "vectorized", "sequential"])
@pytest.mark.parametrize("kernel", [NUTS, HMC])
def test_a_second_run_compiles_nothing_and_draws_the_same(
    kernel: Callable[[Any], MCMCKernel], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = numbers()
    mcmc, fresh = new(kernel, chain_method=method), new(kernel, chain_method=method)
    pyro.set_rng_seed(0)
    mcmc.run(data)
    assert not mcmc.engine.reused
    pyro.set_rng_seed(3)
    fresh.run(data)
    monkeypatch.setattr(
        "pyro.infer.mcmc.engines.choice.try_compile", lambda posterior: pytest.fail()
    )
    pyro.set_rng_seed(3)
    mcmc.run(data)
    assert mcmc.engine.reused
    assert "of an earlier run" in str(mcmc.engine)
    again, expected = mcmc.get_samples(), fresh.get_samples()
    assert again.keys() == expected.keys()
    assert all(torch.equal(again[name], expected[name]) for name in expected)


def _write(mcmc: MCMC, data: Tensor) -> Tensor:
    data[0] = 100.0
    return data


def _write_through_a_view(mcmc: MCMC, data: Tensor) -> Tensor:
    data.detach().view(2, 2)[0] = 100.0
    return data


def _write_by_numpy(mcmc: MCMC, data: Tensor) -> Tensor:
    np.asarray(data)[3] = 100.0
    return data


def _shuffle_by_numpy(mcmc: MCMC, data: Tensor) -> Tensor:
    np.asarray(data)[:] = np.asarray(data)[::-1] + np.float32(1e-6)
    return data


def _copy(mcmc: MCMC, data: Tensor) -> Tensor:
    return data.clone()


def _part(mcmc: MCMC, data: Tensor) -> Tensor:
    return data[:3]


def _closure(mcmc: MCMC, data: Tensor) -> Tensor:
    STATE["scale"] = 2.00001
    return data


def _site(mcmc: MCMC, data: Tensor) -> Tensor:
    STATE["names"] = ["twice", "again"]
    return data


def _param(mcmc: MCMC, data: Tensor) -> Tensor:
    pyro.get_param_store()["centre"] = torch.tensor(1e-4)
    return data


def _kernel(mcmc: MCMC, data: Tensor) -> Tensor:
    mcmc.kernel = NUTS(model)
    return data


def _method(mcmc: MCMC, data: Tensor) -> Tensor:
    mcmc.chain_method = "vectorized"
    return data


def _transforms(mcmc: MCMC, data: Tensor) -> Tensor:
    mcmc.transforms = {"loc": dist.transforms.AffineTransform(1.0, 2.0)}
    return data


CHANGES = [
    _write, _write_through_a_view, _write_by_numpy, _shuffle_by_numpy, _copy, _part, _closure,
    _site, _param, _kernel, _method, _transforms,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_what_has_changed_is_compiled_anew(
    change: Callable[[MCMC, Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in STATE.items():
        monkeypatch.setitem(STATE, name, value)
    mcmc, data = new(), numbers()
    mcmc.run(data)
    now = change(mcmc, data)
    pyro.set_rng_seed(5)
    mcmc.run(now)
    assert not mcmc.engine.reused
    fresh = MCMC(
        mcmc.kernel, 50, 50, num_chains=2, disable_progbar=True,
        chain_method=mcmc.chain_method, transforms=mcmc.transforms,
    )  # fmt: skip
    pyro.set_rng_seed(5)
    fresh.run(now)
    found, expected = mcmc.get_samples(), fresh.get_samples()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_plain_arguments_count_by_value() -> None:
    mcmc, data = new(), numbers()
    mcmc.run(data, prior=5.0)
    mcmc.run(data, prior=float("5"))
    assert mcmc.engine.reused
    mcmc.run(data, prior=6.0)
    assert not mcmc.engine.reused


def test_a_switched_off_compiler_stays_off() -> None:
    mcmc, data = new(), numbers()
    mcmc.run(data)
    with settings.context(compile_enabled=False):
        mcmc.run(data)
    assert mcmc.engine.density == "eager"


def test_longer_runs_and_other_settings_use_the_same_code() -> None:
    mcmc, data = new(), numbers()
    mcmc.run(data)
    mcmc.num_samples, mcmc.thinning = 70, 2
    mcmc.run(data)
    assert mcmc.engine.reused
    mcmc.extend(10)
    assert mcmc.result.shape == (2, 80)


def test_potentials_are_kept_too() -> None:
    def energy(params: dict[str, Tensor]) -> Tensor:
        return STATE["scale"] * (params["x"] ** 2).sum()

    start = {"x": torch.ones(2)}
    mcmc = MCMC(NUTS(potential_fn=energy), 20, 20, start, disable_progbar=True)
    mcmc.run()
    mcmc.run()
    assert mcmc.engine.reused
    mcmc.initial_params = {"x": torch.ones(3)}
    mcmc.run()
    assert not mcmc.engine.reused
    assert mcmc.get_samples()["x"].shape == (20, 3)


def test_a_batch_of_random_walks() -> None:
    mcmc, data = new(RandomWalkKernel), numbers()
    mcmc.run(data)
    mcmc.run(data)
    assert mcmc.engine.reused


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_take_no_code_along(duplicate: Callable[[MCMC], MCMC]) -> None:
    mcmc, data = new(), numbers()
    mcmc.run(data)
    other = duplicate(mcmc)
    other.run(data)
    assert not other.engine.reused
