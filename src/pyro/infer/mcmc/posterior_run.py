"""One run of HMC or NUTS: density, starts, engine, draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pyro.errors import ShapeError
from pyro.infer.mcmc.engine import Engine, choose
from pyro.infer.mcmc.hamiltonian import HamiltonianKernel
from pyro.infer.mcmc.hooks import with_hook
from pyro.infer.mcmc.monitor import Silence
from pyro.infer.mcmc.native_engine import NativeRun
from pyro.infer.mcmc.result import MCMCResult, Samples
from pyro.infer.mcmc.task import Drawn, Task
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.start import find_start
from pyro.infer.model.vectorized import deterministic
from pyro.rng import new_seed

if TYPE_CHECKING:
    from pyro.infer.mcmc.api import MCMC


class PosteriorRun:
    """What :class:`~pyro.infer.mcmc.MCMC` does when it runs.

    :param mcmc: The settings.
    """

    def __init__(self, mcmc: MCMC, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.mcmc = mcmc
        assert isinstance(mcmc.kernel, HamiltonianKernel)
        self.kernel = mcmc.kernel
        self.posterior = self.kernel.posterior(args, kwargs, self._example(), mcmc.transforms)
        self.engine: Engine = choose(self.posterior, mcmc.chain_method, mcmc.num_chains)

    def _example(self) -> dict[str, Tensor] | None:
        """The initial values of one chain, if they are given."""
        given, chains = self.mcmc.initial_params, self.mcmc.num_chains
        if given is None:
            return None
        if chains == 1:
            return dict(given)
        for name, value in given.items():
            if value.shape[:1] != (chains,):
                raise ShapeError(
                    f"initial_params[{name!r}] has shape {tuple(value.shape)}; for {chains} chains "
                    f"the leftmost dim is {chains}, one start for each chain"
                )
        return {name: value[0] for name, value in given.items()}

    def all(self) -> MCMCResult:
        """Run all chains."""
        task = self._task()
        drawn = self._draw(task)
        return self._finish(drawn)

    def _task(self) -> Task:
        mcmc = self.mcmc
        return Task(
            posterior=self.posterior,
            trajectories=self.kernel.trajectories,
            starts=self._starts(),
            seed=new_seed(),
            warmup=mcmc.warmup_steps,
            draws=mcmc.num_samples,
            thinning=mcmc.thinning,
        )

    def _starts(self) -> Tensor:
        """Where the chains start, of shape ``(chains, dim)``, in double precision."""
        chains, given = self.mcmc.num_chains, self.mcmc.initial_params
        if given is not None:
            start = self.posterior.flat.flatten(given)
            return start.detach().double().reshape(chains, self.posterior.dim)
        assert isinstance(self.posterior, ModelDensity)
        strategy = self.kernel.question.init_strategy
        density = self._density()
        found = [find_start(self.posterior, density, strategy) for _ in range(chains)]
        return torch.stack(found).double()

    def _density(self) -> LogDensity:
        """The fastest way to know whether a start is valid."""
        compiled = self.engine.spec.owner if self.engine.spec is not None else None
        return compiled if isinstance(compiled, LogDensity) else self.posterior

    def _draw(self, task: Task) -> Drawn:
        assert self.engine.spec is not None
        threads = 1 if self.mcmc.chain_method == "sequential" else None
        hook = self.mcmc.hook_fn
        run = NativeRun(task, self.engine.spec, threads, keep_warmup=hook is not None)
        if hook is None:
            return run.advance(task.draws, Silence())
        return with_hook(run, task, self.kernel, hook)

    def _finish(self, drawn: Drawn) -> MCMCResult:
        points = drawn.positions.to(self.posterior.reference)
        samples: Samples = self.posterior.constrain(points)
        if isinstance(self.posterior, ModelDensity):
            samples |= deterministic(self.posterior, points)
        kept = self.mcmc.save_params
        if kept is not None:
            samples = {name: values for name, values in samples.items() if name in kept}
        return MCMCResult(
            samples=samples,
            statistics=drawn.statistics,
            divergences=[
                self.posterior.constrain(places.to(points)) if len(places) else {}
                for places in drawn.divergences
            ],
            gradients=drawn.gradients,
            interrupted=drawn.interrupted,
        )
