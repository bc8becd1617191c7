"""One run of HMC or NUTS: density, starts, engine, draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.engines.chains import Chains
from pyro.infer.mcmc.engines.choice import Engine
from pyro.infer.mcmc.engines.hooked import HookedRun
from pyro.infer.mcmc.engines.leg import Errand, prepare
from pyro.infer.mcmc.engines.native import NativeRun
from pyro.infer.mcmc.engines.parallel import ParallelRun
from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.engines.vectorized.run import VectorizedRun
from pyro.infer.mcmc.engines.workers import Workers
from pyro.infer.mcmc.hamiltonian import HamiltonianKernel
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.progress.display import Plan, monitor_for
from pyro.infer.mcmc.results.mcmc_result import MCMCResult, Samples
from pyro.infer.mcmc.results.store import DrawStore
from pyro.infer.mcmc.runs.given_starts import all_starts, one_start
from pyro.infer.mcmc.runs.identity import Identity, identity, probe, require_same, require_same_data
from pyro.infer.mcmc.runs.keeping import Keeping
from pyro.infer.mcmc.runs.long import LongRun
from pyro.infer.mcmc.runs.options import RunOptions
from pyro.infer.mcmc.runs.prepared import Prepared, ask, prepared_for
from pyro.infer.mcmc.runs.unknown_names import warn_unknown
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.start import find_starts
from pyro.infer.model.vectorized import deterministic, names_of_deterministic
from pyro.infer.pathfinding import pathfinder
from pyro.infer.validation import is_validation_enabled
from pyro.native.sampler import available_processors
from pyro.rng import new_seed

_DRAWS = 100  # of Pathfinder, from which starts are taken


class PosteriorRun:
    """What :class:`~pyro.infer.mcmc.MCMC` does when it runs with NUTS or HMC.

    :param keeping: What becomes of the draws.
    :param before: What an earlier run was prepared with; it is used if it is the same.
    """

    def __init__(
        self,
        options: RunOptions,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        keeping: Keeping,
        before: Prepared | None,
    ) -> None:
        self.options = options
        assert isinstance(options.kernel, HamiltonianKernel)
        self.kernel = options.kernel
        self._given = args, kwargs
        self.prepared = self._prepare(before)
        self.posterior = self.prepared.posterior
        self._check_names()
        self.engine: Engine = self._engine()
        self._keeping = keeping
        self._task = self._task_of(keeping.store) if keeping.resume else self._new_task()
        self._run = LongRun(self._chains(self._task), self._finish, keeping)
        self._made = self._begin()

    def _prepare(self, before: Prepared | None) -> Prepared:
        asked = ask(self.kernel, self.options, self._given, self._example())
        return prepared_for(self.kernel, asked, before)

    def _check_names(self) -> None:
        """Warn of names in the options that are those of no site."""
        latent = list(self.posterior.flat.places)
        drawn = latent
        if isinstance(self.posterior, ModelDensity):
            drawn = [*latent, *names_of_deterministic(self.posterior)]
        warn_unknown("save_params", self.options.save_params, drawn)
        given = self.options.transforms
        if given is None:
            given = self.kernel.question.transforms
        warn_unknown("transforms", given, latent)

    def _engine(self) -> Engine:
        options, engine = self.options, self.prepared.engine
        eager = options.chain_method == "parallel" and engine.density == "eager"
        if engine.name == "native" and (eager or options.executor is not None):
            return replace(engine, name="parallel")
        return engine

    def _example(self) -> Params | None:
        """The initial values of one chain, if they are given."""
        return one_start(self.options.initial_params, self.options.num_chains)

    def _begin(self) -> int:
        """Prepare the store; the number of draws of each chain that are there already."""
        store = self._keeping.store
        if store is None:
            return 0
        if self._keeping.resume:
            self._run.resume()
            return store.draws
        store.create(self._header())
        self._run.begin()
        return 0

    def all(self) -> MCMCResult:
        """Run all chains; from the draws on disk on, if a run is resumed."""
        return self.more(max(0, self.options.num_samples - self._made))

    def more(self, draws: int) -> MCMCResult:
        """Make more draws of each chain."""
        task, made = self._task, self._made
        before = task.warmup + made * task.thinning if made else 0
        plan = Plan(task.warmup, task.warmup + (made + draws) * task.thinning, before)
        result = self._run.go(draws, monitor_for(plan, self.options.disable_progbar))
        self._made = made + draws
        return result

    def _new_task(self) -> Task:
        return self._task_at(self._starts(), new_seed())

    def _task_of(self, store: DrawStore | None) -> Task:
        """That of a run on disk, if it is the same."""
        assert store is not None
        header = store.header
        require_same(store.path, header["identity"], self._identity())
        now = probe(self._density(), header["starts"], self.posterior.reference)
        require_same_data(store.path, header["probe"], now)
        return self._task_at(header["starts"], header["seed"])

    def _task_at(self, starts: Tensor, seed: int) -> Task:
        options = self.options
        return Task(
            posterior=self.posterior,
            trajectories=self.kernel.trajectories,
            starts=starts,
            seed=seed,
            warmup=options.warmup_steps,
            draws=options.num_samples,
            thinning=options.thinning,
        )

    def _header(self) -> dict[str, Any]:
        starts = self._task.starts
        return {
            "identity": self._identity(),
            "seed": self._task.seed,
            "starts": starts,
            "probe": probe(self._density(), starts, self.posterior.reference),
        }

    def _identity(self) -> Identity:
        names = ("num_chains", "warmup_steps", "thinning", "save_params")
        run = {name: getattr(self.options, name) for name in names}
        return identity(self.posterior, self.kernel.trajectories, self.engine, run)

    def _starts(self) -> Tensor:
        """Where the chains start, of shape ``(chains, dim)``, in double precision."""
        chains, given = self.options.num_chains, self.options.initial_params
        if isinstance(given, str):
            return self._pathfinder_starts(given)
        if given is not None:
            return all_starts(self.posterior, self._density(), given, chains)
        assert isinstance(self.posterior, ModelDensity)
        strategy = self.kernel.question.init_strategy
        density = self._density()
        return find_starts(self.posterior, density, strategy, chains).double()

    def _pathfinder_starts(self, how: str) -> Tensor:
        if how != "pathfinder" or not isinstance(self.posterior, ModelDensity):
            raise InferenceError(
                f'initial_params is a dict of unconstrained tensors, or "pathfinder" for a kernel '
                f"with a model, but got {how!r}"
            )
        chains, posterior = self.options.num_chains, self.posterior
        found = pathfinder(
            posterior.model,
            *posterior.args,
            num_draws=max(_DRAWS, chains),
            init_strategy=self.kernel.question.init_strategy,
            model_kwargs=posterior.kwargs,
        ).samples
        rows = [{name: values[i] for name, values in found.items()} for i in range(chains)]
        return torch.stack([posterior.unconstrain(row) for row in rows]).double()

    def _density(self) -> LogDensity:
        """The fastest way to know whether a start is valid."""
        return self.engine.native or self.engine.batched or self.posterior

    def _chains(self, task: Task) -> Chains:
        hook = self.options.hook_fn
        if self.engine.name == "parallel" and hook is None:
            return ParallelRun(task, self._workers(task))
        run = self._in_process(task, keep_warmup=hook is not None)
        return run if hook is None else HookedRun(run, task, self.kernel, hook)

    def _in_process(self, task: Task, keep_warmup: bool) -> NativeRun | VectorizedRun:
        engine, like = self.engine, self.posterior.reference
        if engine.batched is not None:
            like = like.double() if engine.density == "compiled" else like
            return VectorizedRun(task, engine.batched, like=like, keep_warmup=keep_warmup)
        assert engine.spec is not None
        threads = 1 if self.options.chain_method == "sequential" else None
        return NativeRun(task, engine.spec, threads, keep_warmup=keep_warmup)

    def _workers(self, task: Task) -> Workers:
        args, kwargs = self._given
        errand = Errand(
            kernel=self.kernel,
            args=args,
            kwargs=kwargs,
            example=self._example(),
            transforms=self.options.transforms,
            compiled=self.engine.density == "compiled",
            validate=is_validation_enabled(),
            starts=task.starts,
            seed=task.seed,
            warmup=task.warmup,
            thinning=task.thinning,
        )
        return Workers(
            prepare,
            errand,
            min(task.chains, available_processors()),
            executor=self.options.executor,
            mp_context=self.options.mp_context,
            on_cpu=self.posterior.reference.device.type == "cpu",
        )

    def _finish(self, drawn: Drawn) -> MCMCResult:
        points = drawn.positions.to(self.posterior.reference)
        samples: Samples = self.posterior.constrain(points)
        if isinstance(self.posterior, ModelDensity):
            samples |= deterministic(self.posterior, points)
        kept = self.options.save_params
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
