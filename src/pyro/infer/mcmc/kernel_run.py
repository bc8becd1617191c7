"""One run of a kernel that the user wrote: chains one after the other, in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pyro.infer.mcmc.engine import Engine
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.result import MCMCResult, Samples

if TYPE_CHECKING:
    from pyro.infer.mcmc.api import MCMC


class KernelRun:
    """What :class:`~pyro.infer.mcmc.MCMC` does when it runs.

    :param mcmc: The settings.
    """

    def __init__(self, mcmc: MCMC, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.mcmc = mcmc
        self.args, self.kwargs = args, kwargs
        self.engine = Engine("sequential", "kernel", ("the kernel is written in Python",))

    def all(self) -> MCMCResult:
        """Run all chains."""
        chains: list[Samples] = []
        diagnostics: list[dict[str, Any]] = []
        interrupted = False
        for chain in range(self.mcmc.num_chains):
            draws: list[Params] = []
            try:
                diagnostics.append(self._chain(chain, draws))
            except KeyboardInterrupt:
                interrupted = True
            if draws:
                chains.append({name: torch.stack([d[name] for d in draws]) for name in draws[0]})
            if interrupted:
                break
        shortest = min((len(next(iter(chain.values()))) for chain in chains), default=0)
        samples = {
            name: torch.stack([chain[name][:shortest] for chain in chains])
            for name in (chains[0] if chains else {})
        }
        return MCMCResult(samples, diagnostics=diagnostics, interrupted=interrupted)

    def _chain(self, chain: int, draws: list[Params]) -> dict[str, Any]:
        mcmc, kernel = self.mcmc, self.mcmc.kernel
        given = mcmc.initial_params
        if given is not None:
            several = mcmc.num_chains > 1
            kernel.initial_params = {k: v[chain] if several else v for k, v in given.items()}
        label = f" [{chain}]" if mcmc.num_chains > 1 else ""
        kernel.setup(mcmc.warmup_steps, *self.args, **self.kwargs)
        try:
            params = kernel.initial_params
            for i in range(mcmc.warmup_steps):
                params = self._step(params, "Warmup" + label, i)
            kernel.end_warmup()
            for i in range(mcmc.num_samples):
                for _ in range(mcmc.thinning):
                    params = self._step(params, "Sample" + label, i)
                draws.append(self._kept(params))
            return kernel.diagnostics()
        finally:
            kernel.cleanup()

    def _step(self, params: Params, stage: str, i: int) -> Params:
        params = self.mcmc.kernel.sample(params)
        if self.mcmc.hook_fn is not None:
            self.mcmc.hook_fn(self.mcmc.kernel, params, stage, i)
        return params

    def _kept(self, params: Params) -> Params:
        transforms = self.mcmc.transforms or self.mcmc.kernel.transforms or {}
        names = self.mcmc.save_params
        return {
            name: _constrained(value, transforms.get(name))
            for name, value in params.items()
            if names is None or name in names
        }


def _constrained(value: Tensor, transform: Any) -> Tensor:
    result: Tensor = value if transform is None else transform.inv(value)
    return result.detach().clone()
