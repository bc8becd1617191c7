"""Chains on processes of Dask, of which one is killed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import pyro
from pyro.infer import MCMC, NUTS
from tests.infer.mcmc.long_models import Dying, Walk, branching, deadly

pytestmark = pytest.mark.slow  # starts processes that import torch


@pytest.fixture(params=[0, 3], ids=["dask gives up", "dask tries again"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Two processes; work that has killed more workers than the parameter says is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask, about itself
        distributed = pytest.importorskip("distributed")
        dask = pytest.importorskip("dask")
        options: dict[str, Any] = {"dashboard_address": None, "threads_per_worker": 1}
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": request.param}),
            distributed.LocalCluster(n_workers=2, processes=True, **options) as cluster,
            distributed.Client(cluster) as connected,
        ):
            yield connected


def draws(kernel: Any, *args: Any, **options: Any) -> torch.Tensor:
    pyro.set_rng_seed(3)
    mcmc = MCMC(kernel, 60, 20, num_chains=3, disable_progbar=True, **options)
    mcmc.run(*args)
    (found,) = mcmc.get_samples(group_by_chain=True).values()
    return found


def test_a_killed_worker_costs_no_draw(client: Any, tmp_path: Path) -> None:
    """Of NUTS, and of a kernel of the user's own, whose chain begins anew."""
    once = tmp_path / "nuts"
    executor = client.get_executor(pure=False)
    found = draws(NUTS(deadly), str(once), os.getpid(), executor=executor)
    assert once.exists()
    assert torch.equal(found, draws(NUTS(branching)))

    once = tmp_path / "walk"
    found = draws(Dying(str(once)), executor=executor)
    assert once.exists()
    assert torch.equal(found, draws(Walk(), executor=executor))
