"""One chain, a transition at a time, for kernels that are used without ``MCMC``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pyro import native
from pyro.infer.mcmc.engines.native import NativeRun
from pyro.infer.mcmc.engines.specification import python_density
from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.engines.vectorized.run import VectorizedRun
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.progress.monitor import Silence
from pyro.infer.mcmc.trajectories import VECTORIZED_ONLY, Trajectories
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import Strategy
from pyro.infer.model.posterior import Posterior
from pyro.infer.model.start import find_start
from pyro.primitives.validation import unchecked
from pyro.rng import new_seed


class Stepper:
    """A chain that is advanced by its user.

    A step may begin at another place than the last one led to; what warm-up has learned is kept.
    """

    def __init__(
        self,
        posterior: Posterior,
        trajectories: Trajectories,
        warmup: int,
        initial: Mapping[str, Tensor] | None,
        strategy: Strategy,
    ) -> None:
        self.posterior = posterior
        self._trajectories = trajectories
        self._warmup = warmup
        if initial is not None:
            start = posterior.flat.flatten(initial)
        elif isinstance(posterior, ModelDensity):
            start = find_start(posterior, posterior, strategy)
        else:
            start = torch.zeros(posterior.dim)
        self._place = start
        self._run: NativeRun | VectorizedRun | None = None
        self._seen: list[Drawn] = []

    @property
    def initial_params(self) -> Params:
        """The place of the chain, by name of site; unconstrained."""
        return self.posterior.flat.unflatten(self._place.to(self.posterior.reference.dtype))

    def step(self, params: Params) -> Params:
        """One transition."""
        place = self.posterior.flat.flatten(params).double()
        if self._run is None:
            self._run = self._new_run(place)
        elif not torch.equal(place, self._place.to(place.dtype)):
            self._run.move(place[None])
        with unchecked():  # trajectories leave supports by rounding
            drawn = self._run.advance(1, Silence())
        self._seen.append(drawn)
        self._place = drawn.positions[0, 0]
        here = self.initial_params
        self._place = self.posterior.flat.flatten(here).double()  # as rounded as its user sees it
        return here

    def _new_run(self, place: Tensor) -> NativeRun | VectorizedRun:
        task = Task(self.posterior, self._trajectories, place[None], new_seed(), self._warmup, 1)
        if self._trajectories.kind in VECTORIZED_ONLY or not native.available():
            return VectorizedRun(task, self.posterior, keep_warmup=True)
        return NativeRun(task, python_density(self.posterior), keep_warmup=True)

    def logging(self) -> dict[str, str]:
        """Step size and acceptance probability of the last transition."""
        if not self._seen:
            return {}
        last = {name: float(v[0, -1]) for name, v in self._seen[-1].statistics.items()}
        return {
            "step size": f"{last['step_size']:.2e}",
            "acc. prob": f"{last['acceptance_rate']:.3f}",
        }

    def diagnostics(self) -> dict[str, Any]:
        """Divergences by draw, and the mean acceptance probability."""
        diverging = [i for i, one in enumerate(self._seen) if one.statistics["diverging"].any()]
        rates = [float(one.statistics["acceptance_rate"].mean()) for one in self._seen]
        return {"divergences": diverging, "acceptance rate": sum(rates) / max(len(rates), 1)}
