"""Statistics without draws."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import pyro
from pyro.infer import MCMC, NUTS
from pyro.infer.mcmc import StreamingMCMC
from pyro.ops.streaming import CountStats, StackStats, StatsOfDict
from tests.infer.mcmc.long_models import Walk, normal


def streamed(kernel: Any, draws: int = 250, **options: Any) -> StreamingMCMC:
    pyro.set_rng_seed(4)
    mcmc = StreamingMCMC(kernel, draws, 50, num_chains=2, disable_progbar=True, **options)
    mcmc.run()
    return mcmc


@pytest.mark.parametrize("kernel", [NUTS(normal), Walk()])
def test_statistics_are_those_of_the_draws(kernel: Any) -> None:
    streaming = streamed(kernel)
    pyro.set_rng_seed(4)
    mcmc = MCMC(kernel, 250, 50, num_chains=2, disable_progbar=True)
    mcmc.run()
    grouped = streaming.get_statistics()
    merged = streaming.get_statistics(group_by_chain=False)
    for name, draws in mcmc.get_samples(group_by_chain=True).items():
        for chain in range(2):
            found = grouped[chain, name]
            assert found["count"] == 250
            torch.testing.assert_close(found["mean"], draws[chain].mean(0), rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(found["variance"], draws[chain].var(0), rtol=1e-3, atol=1e-3)
        assert merged[name]["count"] == 500
        torch.testing.assert_close(merged[name]["mean"], draws.mean((0, 1)), rtol=1e-3, atol=1e-3)
    assert set(merged) == set(mcmc.get_samples())


def test_statistics_of_ones_own() -> None:
    mcmc = streamed(NUTS(normal), 20, statistics=StatsOfDict({(0, "loc"): StackStats}))
    found = mcmc.get_statistics()
    assert found[0, "loc"]["samples"].shape == (20,)
    assert found[1, "loc"] == {"count": 20}
    mcmc.run()
    assert mcmc.get_statistics()[1, "loc"] == {"count": 20}  # of the last run


def test_diagnostics() -> None:
    found = streamed(NUTS(normal)).diagnostics()
    assert found["loc"]["r_hat"] < 1.1
    assert set(found["divergences"]) == {"chain 0", "chain 1"}
    assert 0.5 < found["acceptance rate"]["chain 0"] <= 1
    counted = streamed(NUTS(normal), statistics=StatsOfDict(default=CountStats))
    assert set(counted.diagnostics()) == {"divergences", "acceptance rate"}


def test_its_parameters_are_those_of_mcmc() -> None:
    own = dict(inspect.signature(StreamingMCMC).parameters)
    of_mcmc = inspect.signature(MCMC).parameters
    del own["statistics"]
    assert list(own.values()) == [of_mcmc[name] for name in of_mcmc if name in own]
