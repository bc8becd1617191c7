"""A part of one chain of HMC or NUTS, computed in another process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

from pyro.infer.mcmc.engines.native import NativeRun
from pyro.infer.mcmc.engines.specification import native_density, python_density
from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.progress.monitor import Silence
from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.compiled import try_compile
from pyro.infer.model.posterior import Posterior
from pyro.native import DensitySpec
from pyro.primitives.validation import validation_enabled


class Source(Protocol):
    """A kernel, as far as another process needs one: it makes the density again."""

    trajectories: Trajectories

    def posterior(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        example: Params | None,
        transforms: Mapping[str, Any] | None,
    ) -> Posterior:
        """The density, for arguments of the model."""
        ...


@dataclass(frozen=True)
class Errand:
    """All that another process needs to know of a run; ``starts`` has a row for each chain."""

    kernel: Source
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    example: Params | None
    transforms: Any
    compiled: bool
    validate: bool
    starts: Tensor
    seed: int
    warmup: int
    thinning: int


class Ready(NamedTuple):
    """What a process makes of an errand, once."""

    errand: Errand
    posterior: Posterior
    density: DensitySpec


class Order(NamedTuple):
    """What to do for one chain: iterations of warm-up, or draws."""

    chain: int
    state: bytes | None
    warmup: int
    draws: int


class Done(NamedTuple):
    """What came of an order, and in how many seconds; arrays are cheaper to send than tensors."""

    state: bytes
    positions: npt.NDArray[Any]
    statistics: dict[str, npt.NDArray[Any]]
    divergences: npt.NDArray[Any]
    gradients: int
    iterations: int
    seconds: float


def prepare(errand: Errand) -> Ready:
    """The density of the errand."""
    with validation_enabled(errand.validate):
        posterior = errand.kernel.posterior(
            errand.args, errand.kwargs, errand.example, errand.transforms
        )
        compiled = try_compile(posterior).density if errand.compiled else None
    density = python_density(posterior) if compiled is None else native_density(compiled)
    return Ready(errand, posterior, density)


def run_leg(ready: Ready, order: Order) -> Done:
    """Advance one chain from its last state."""
    errand, start = ready.errand, time.perf_counter()
    task = Task(
        posterior=ready.posterior,
        trajectories=errand.kernel.trajectories,
        starts=errand.starts[order.chain : order.chain + 1],
        seed=errand.seed,
        warmup=errand.warmup,
        draws=order.draws,
        thinning=errand.thinning,
        first_chain=order.chain,
    )
    run = NativeRun(task, ready.density, threads=1)
    if order.state is not None:
        run.load([order.state])
    with validation_enabled(errand.validate):
        if order.warmup:
            run.warm_up(order.warmup, Silence())
            drawn = Drawn.none(task)
        else:
            drawn = run.advance(order.draws, Silence())
    return Done(
        state=run.save()[0],
        positions=drawn.positions[0].numpy(),
        statistics={name: values[0].numpy() for name, values in drawn.statistics.items()},
        divergences=drawn.divergences[0].numpy(),
        gradients=run.gradients,
        iterations=run.iterations,
        seconds=time.perf_counter() - start,
    )


def tensors(parts: list[Done]) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Positions, statistics and places of divergences of one chain."""
    return (
        torch.cat([torch.from_numpy(part.positions) for part in parts]),
        {
            name: torch.cat([torch.from_numpy(part.statistics[name]) for part in parts])
            for name in parts[0].statistics
        },
        torch.cat([torch.from_numpy(part.divergences) for part in parts]),
    )
