"""One run of a kernel that the user wrote: chains one after the other, or in processes."""

from __future__ import annotations

import math
from concurrent.futures import Future, wait
from typing import Any

import torch

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.engines.choice import Engine
from pyro.infer.mcmc.engines.workers import Workers, is_lost
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.mcmc.progress.display import Plan, monitor_for
from pyro.infer.mcmc.progress.monitor import ChainView, Monitor
from pyro.infer.mcmc.results.mcmc_result import MCMCResult
from pyro.infer.mcmc.runs.keeping import Keeping
from pyro.infer.mcmc.runs.kernel_chain import (
    ChainDraws,
    KernelTask,
    Sent,
    in_worker,
    run_chain,
    stacked,
)
from pyro.infer.mcmc.runs.options import RunOptions
from pyro.infer.validation import is_validation_enabled
from pyro.rng import new_seed

_LOSSES = 5  # of workers, until a run gives up


class KernelRun:
    """What :class:`~pyro.infer.mcmc.MCMC` does when it runs with a kernel of the user's own.

    :param keeping: What becomes of the draws.
    :raises InferenceError: if they are to be written to disk, or made in a way that is not there.
    """

    def __init__(
        self, options: RunOptions, args: tuple[Any, ...], kwargs: dict[str, Any], keeping: Keeping
    ) -> None:
        _check(keeping)
        self.options = options
        self._take = keeping.take
        self._parallel = options.chain_method == "parallel" or options.executor is not None
        self.engine = Engine(
            "parallel" if self._parallel else "sequential",
            "kernel",
            ("the kernel is written in Python",),
        )
        self._task = KernelTask(
            kernel=options.kernel,
            args=args,
            kwargs=kwargs,
            initial_params=_given(options),
            chains=options.num_chains,
            warmup=options.warmup_steps,
            draws=options.num_samples,
            thinning=options.thinning,
            transforms=options.transforms,
            save_params=options.save_params,
            hook=options.hook_fn,
            validate=is_validation_enabled(),
            seed=new_seed() if self._parallel else 0,
        )

    def all(self) -> MCMCResult:
        """Run all chains."""
        return self._in_processes() if self._parallel else self._in_turn()

    def more(self, draws: int) -> MCMCResult:
        """A kernel that was cleaned up cannot go on."""
        raise InferenceError("extend needs NUTS or HMC: the state of another kernel is not known")

    def _in_turn(self) -> MCMCResult:
        task = self._task
        plan = Plan(task.warmup, task.warmup + task.draws * task.thinning)
        display = _Display(monitor_for(plan, self.options.disable_progbar), task.chains)
        draws: list[list[Params]] = [[] for _ in range(task.chains)]
        diagnostics: list[dict[str, Any]] = [{} for _ in draws]
        interrupted = False
        try:
            for number in range(task.chains):
                take = draws[number].append if self._take is None else self._taker(number)
                diagnostics[number] = run_chain(task, number, take, display.tell)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            display.monitor.close()
        pairs = zip(map(stacked, draws), diagnostics, strict=True)
        return _result([ChainDraws(*pair) for pair in pairs], interrupted)

    def _taker(self, number: int) -> Any:
        def take(draw: Params) -> None:
            assert self._take is not None
            samples = {name: value[None, None] for name, value in draw.items()}
            self._take(MCMCResult(samples), number)

        return take

    def _in_processes(self) -> MCMCResult:
        task, options = self._task, self.options
        workers = Workers(
            _as_it_is, task, task.chains, executor=options.executor, mp_context=options.mp_context
        )
        try:
            futures = [workers.submit(in_worker, number) for number in range(task.chains)]
            chains, interrupted = _gathered(futures, workers)
        finally:
            workers.close()
        if self._take is not None:
            for number, chain in enumerate(chains):
                self._take(_result([chain], False), number)
            chains = [ChainDraws({}, chain.diagnostics) for chain in chains]
        return _result(chains, interrupted)


def _gathered(futures: list[Future[Sent]], workers: Workers) -> tuple[list[ChainDraws], bool]:
    """The chains, and whether Ctrl-C ended them; then as far as they have come."""
    for _ in range(_LOSSES * len(futures)):
        try:
            return [future.result().received() for future in futures], False
        except KeyboardInterrupt:
            if workers.halt():
                return [future.result().received() for future in futures], True
            running = [future for future in futures if not future.cancel()]
            return [future.result().received() for future in running if future.done()], True
        except Exception as error:
            if not is_lost(error):
                raise
            last = error
        futures = _again(futures, workers)
    raise InferenceError(
        f"MCMC: workers were lost again and again, the last time by {last!r}; perhaps they run out "
        "of memory"
    ) from last


def _again(futures: list[Future[Sent]], workers: Workers) -> list[Future[Sent]]:
    """The same chains; those whose workers were lost begin anew, with the same seed."""
    if workers.replace():
        wait(futures)  # they share the fate of the one that was lost
    return [
        workers.submit(in_worker, number) if _is_without_result(future) else future
        for number, future in enumerate(futures)
    ]


def _is_without_result(future: Future[Sent]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def _as_it_is(task: KernelTask) -> KernelTask:
    return task


def _check(keeping: Keeping) -> None:
    if keeping.store is not None:
        raise InferenceError(
            "checkpoint and stream_to need NUTS or HMC: the state of another kernel is not known"
        )


def _given(options: RunOptions) -> Params | None:
    given = options.initial_params
    if isinstance(given, str):
        raise InferenceError(
            f"initial_params={given!r} needs NUTS or HMC for a model; give a kernel of your own a "
            "dict of unconstrained tensors"
        )
    return None if given is None else dict(given)


class _Display:
    """Tells a monitor of chains that run one after the other."""

    def __init__(self, monitor: Monitor, chains: int) -> None:
        self.monitor = monitor
        self._views = [ChainView(0, 0, 0, math.nan, 0)] * chains

    def tell(self, chain: int, iterations: int) -> None:
        self._views[chain] = ChainView(iterations, 0, 0, math.nan, 0)
        self.monitor.show(self._views)


def _result(chains: list[ChainDraws], interrupted: bool) -> MCMCResult:
    """The draws of the longest chains: as many draws in all as there are chains of equal length."""
    lengths = [chain.draws for chain in chains]
    best = max(lengths, key=lambda n: n * sum(m >= n for m in lengths), default=0)
    samples = [chain.samples for chain in chains if best and chain.draws >= best]
    return MCMCResult(
        {
            name: torch.stack([chain[name][:best] for chain in samples])
            for name in (samples[0] if samples else {})
        },
        diagnostics=[chain.diagnostics for chain in chains if chain.diagnostics],
        interrupted=interrupted,
    )
