"""Any number of threads gives the same draws, and without the library chains run too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer import HMC, MCMC, NUTS
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc import MCMCKernel
from pyro.native import library

Make = Callable[..., MCMCKernel]


def model() -> None:
    scale = pyro.sample("scale", dist.HalfNormal(2.0))
    with pyro.plate("data", 3):
        loc = pyro.sample("loc", dist.Normal(0.0, scale))
        pyro.sample("y", dist.Normal(loc, 1.0), obs=torch.tensor([-1.0, 0.0, 3.0]))


def drawn(kernel: Make, draws: int = 60, **options: Any) -> MCMC:
    pyro.set_rng_seed(11)
    mcmc = MCMC(kernel(model), draws, draws, num_chains=4, disable_progbar=True, **options)
    mcmc.run()
    return mcmc


@pytest.mark.parametrize("kernel", [NUTS, HMC])
def test_threads_change_no_draw(kernel: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = drawn(kernel, chain_method="sequential")
    assert one.engine.name == "native"
    for threads in (1, 2, 4):
        processors = Mock(return_value=threads)
        monkeypatch.setattr("pyro.native.sampler.available_processors", processors)
        several = drawn(kernel)
        processors.assert_called()
        for name, values in one.result.statistics.items():
            assert torch.equal(values, several.result.statistics[name]), name
        for name, values in one.result.samples.items():
            assert torch.equal(values, several.result.samples[name]), name


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package as it is where it was installed without a compiler."""
    absent = tmp_path / "samplers.native.so"
    monkeypatch.setattr(library, "library", lambda: library.load(absent))
    monkeypatch.setattr("pyro.native.sampler.library", library.library)


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("kernel", [NUTS, HMC])
def test_without_the_library_chains_are_a_batch(kernel: Make) -> None:
    with pytest.warns(UserWarning, match=r"not built.*make native") as warned:
        mcmc = drawn(kernel, 10)
    assert warned[0].filename == __file__
    assert mcmc.engine.name == "vectorized"
    assert mcmc.engine.density == "compiled"
    assert "make native" in str(mcmc.engine)
    assert mcmc.get_samples(group_by_chain=True)["loc"].shape == (4, 10, 3)


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("method", ["native", "sequential", "parallel"])
def test_what_only_the_library_can_do_is_refused(method: str) -> None:
    with pytest.raises(InferenceError, match=rf"'{method}'.*make native.*'auto'"):
        drawn(NUTS, chain_method=method)


@pytest.mark.usefixtures("no_library")
def test_kernels_step_without_the_library() -> None:
    kernel = NUTS(model)
    kernel.setup(5)
    params = kernel.initial_params
    for _ in range(10):
        params = kernel.sample(params)
    assert {name: value.shape for name, value in params.items()} == {"scale": (), "loc": (3,)}
    assert "step size" in kernel.logging()
    kernel.sample({name: value + 0.1 for name, value in params.items()})
