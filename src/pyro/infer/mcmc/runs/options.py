"""What a run of chains is told."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pyro.infer.mcmc.engines.hooked import Hook
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel


@dataclass(frozen=True)
class RunOptions:
    """The settings of :class:`~pyro.infer.mcmc.MCMC` that its runs read, as they are when one
    begins; the fields have the names of its parameters."""

    kernel: MCMCKernel
    num_samples: int
    warmup_steps: int
    initial_params: Mapping[str, Tensor] | str | None
    num_chains: int
    hook_fn: Hook | None
    mp_context: str | None
    disable_progbar: bool
    transforms: Mapping[str, Any] | None
    save_params: list[str] | None
    chain_method: str
    thinning: int
    executor: Executor | None
