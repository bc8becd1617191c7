"""What must agree for a run to be gone on with: the model's layout, its data, and the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pyro.errors import CheckpointError
from pyro.infer.mcmc.engines.choice import Engine
from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.posterior import Posterior

Identity = dict[str, str]


def identity(
    posterior: Posterior, trajectories: Trajectories, engine: Engine, run: Mapping[str, Any]
) -> Identity:
    """What is compared, by name.

    :param run: Further settings.
    """
    sites = {
        f"shape of site {name!r}": str(tuple(place.shape))
        for name, place in posterior.flat.places.items()
    }
    kernel = {f"kernel.{name}": repr(value) for name, value in asdict(trajectories).items()}
    settings = {name: repr(value) for name, value in run.items()}
    how = {"engine": engine.name, "density": engine.density}
    return {**sites, **kernel, **settings, **how, "dtype": str(posterior.reference.dtype)}


def probe(density: LogDensity, starts: Tensor, like: Tensor) -> Tensor:
    """The log density where the first chain starts: it tells other data from the same."""
    if not len(starts):
        return torch.zeros((), dtype=torch.double)
    return density.value(starts[0].to(like)).detach().double().reshape(())


def require_same(path: Path, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse to go on with another model or kernel.

    :raises CheckpointError: saying what differs.
    """
    missing = "absent"
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if names:
        found = "; ".join(
            f"{name} was {then.get(name, missing)} and is {now.get(name, missing)}"
            for name in names
        )
        raise CheckpointError(f"{path} was written by another run: {found}")


def require_same_data(path: Path, then: Tensor, now: Tensor) -> None:
    """Refuse to go on with other data.

    :raises CheckpointError: if the log density at the start is another one.
    """
    if not torch.isclose(then, now, rtol=1e-4, atol=1e-4):
        raise CheckpointError(
            f"{path} was written for other data or another model: the log density where chain 0 "
            f"started was {float(then):.6g} and is {float(now):.6g}"
        )
