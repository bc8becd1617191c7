"""Markov chain Monte Carlo: chains of a kernel, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.engines.choice import Engine, check_method
from pyro.infer.mcmc.engines.hooked import Hook
from pyro.infer.mcmc.hamiltonian import HamiltonianKernel
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel
from pyro.infer.mcmc.results.inference_data import inference_data
from pyro.infer.mcmc.results.mcmc_result import MCMCResult, Samples
from pyro.infer.mcmc.results.store import DrawStore, PathLike
from pyro.infer.mcmc.results.summary import report, summarize
from pyro.infer.mcmc.runs.keeping import Keeping, forget
from pyro.infer.mcmc.runs.kernel import KernelRun
from pyro.infer.mcmc.runs.options import RunOptions
from pyro.infer.mcmc.runs.posterior import PosteriorRun
from pyro.infer.mcmc.runs.prepared import Prepared
from pyro.infer.mcmc.util import select_samples
from pyro.poutine.messenger import block_messengers
from pyro.primitives.validation import validation_enabled


class MCMC:
    """Draws from a posterior by Markov chains.

    With :class:`~pyro.infer.mcmc.NUTS` or :class:`~pyro.infer.mcmc.HMC` the density is compiled
    and the chains run as machine code on threads, wherever that is possible; :attr:`engine` says
    what was chosen, and why not a faster way. Results depend on the seed
    (:func:`pyro.set_rng_seed`), not on the number of threads.

    :param kernel: NUTS, HMC, or any :class:`~pyro.infer.mcmc.MCMCKernel`.
    :param num_samples: Draws per chain after warm-up.
    :param warmup_steps: Iterations before, which adapt the kernel; by default ``num_samples``.
    :param initial_params: Unconstrained values by name of site; with several chains, these are
        leftmost. "pathfinder" takes draws of :func:`~pyro.infer.pathfinder`. By default the
        kernel's ``init_strategy`` chooses.
    :param num_chains: How many chains; four or more let R-hat judge convergence.
    :param hook_fn: Called as ``hook_fn(kernel, params, stage, i)`` after each iteration, with the
        unconstrained values, "Warmup" or "Sample" (with the number of the chain in brackets if
        there are several), and the number of the iteration in its stage. It makes runs slow.
    :param mp_context: How processes are started with ``chain_method="parallel"``.
    :param disable_progbar: Whether nothing is shown on the way.
    :param disable_validation: Whether the model's checks are off while it runs; None leaves them.
    :param transforms: Bijections from supports to unconstrained values, by name; the kernel's own
        if it has some.
    :param save_params: The names of the sites to keep; all by default.
    :param chain_method: "auto" takes the fastest way that is right; "native", "vectorized",
        "sequential" and "parallel" ask for one.
    :param thinning: How many iterations are made for each draw.
    :param checkpoint: A folder to which draws and the states of chains are written on the way; a
        run that was killed is gone on with by ``run(..., resume=path)``, and its draws are bit for
        bit those of an uninterrupted one.
    :param checkpoint_every: How many draws are written at a time.
    :param stream_to: A folder, as ``checkpoint``, but draws are not kept in memory: they are read
        from there when they are asked for, or by :class:`~pyro.infer.mcmc.StoredDraws`.
    :param executor: A :class:`concurrent.futures.Executor` where chains are computed, part by part;
        what they need must be picklable unless it uses threads. A part whose worker is lost is
        made again by another.
    :raises InferenceError: if an option has a bad value.

    Example::

        >>> from pyro.infer import MCMC, NUTS
        >>> def model():
        ...     x = pyro.sample("x", dist.Exponential(2.0))
        ...     pyro.deterministic("twice", 2 * x)
        >>> mcmc = MCMC(NUTS(model), num_samples=1000, num_chains=2, disable_progbar=True)
        >>> mcmc.run()
        >>> samples = mcmc.get_samples(group_by_chain=True)
        >>> samples["twice"].shape, abs(samples["x"].mean() - 0.5) < 0.1
        (torch.Size([2, 1000]), tensor(True))
    """

    def __init__(
        self,
        kernel: MCMCKernel,
        num_samples: int,
        warmup_steps: int | None = None,
        initial_params: Mapping[str, Tensor] | str | None = None,
        num_chains: int = 1,
        hook_fn: Hook | None = None,
        mp_context: str | None = None,
        disable_progbar: bool = False,
        disable_validation: bool | None = True,
        transforms: Mapping[str, Any] | None = None,
        save_params: list[str] | None = None,
        *,
        chain_method: str = "auto",
        thinning: int = 1,
        checkpoint: PathLike | None = None,
        checkpoint_every: int = 100,
        stream_to: PathLike | None = None,
        executor: Executor | None = None,
    ) -> None:
        _check_kernel(kernel)
        check_method(chain_method)
        _check_count("num_samples", num_samples, 1)
        _check_count("num_chains", num_chains, 1)
        _check_count("thinning", thinning, 1)
        _check_count("checkpoint_every", checkpoint_every, 1)
        if checkpoint is not None and stream_to is not None:
            raise InferenceError(
                "MCMC: stream_to keeps states as checkpoint does; give one of them"
            )
        if warmup_steps is not None:
            _check_count("warmup_steps", warmup_steps, 0)
        self.kernel = kernel
        self.num_samples = num_samples
        self.warmup_steps = num_samples if warmup_steps is None else warmup_steps
        self.initial_params = initial_params
        self.num_chains = num_chains
        self.hook_fn = hook_fn
        self.mp_context = mp_context
        self.disable_progbar = disable_progbar
        self.disable_validation = disable_validation
        self.transforms = transforms
        self.save_params = save_params
        self.chain_method = chain_method
        self.thinning = thinning
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.stream_to = stream_to
        self.executor = executor
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        self._result: MCMCResult | None = None
        self._run: PosteriorRun | KernelRun | None = None
        self._prepared: Prepared | None = None
        self._stored: DrawStore | None = None
        self._engine: Engine | None = None  # of a run in another process

    def run(self, *args: Any, resume: PathLike | bool | None = None, **kwargs: Any) -> None:
        """Run all chains for these arguments of the model.

        Ctrl-C ends the run; the draws until then are kept. Another run of the same model with the
        same arguments, whose content has not changed, compiles nothing (``engine.reused``).

        :param resume: The folder of a run that was interrupted or killed, or that is to become
            longer: it is gone on with, up to ``num_samples`` draws. True stands for ``checkpoint``
            or ``stream_to``, where a run is begun if there is none.
        :raises InferenceError: if no valid start is found, or the kernel cannot handle the model.
        :raises CheckpointError: if the folder has a run that is not resumed, or another run than
            this one; it says what differs.
        """
        self.set_arguments(args, kwargs)
        keeping = self._keeping(resume)
        self._run = self._result = self._stored = None
        try:
            self.run_keeping(keeping)
        finally:
            if self._run is not None and (self.stream_to is not None or self._result is None):
                self._stored = keeping.store

    def set_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Remember the arguments of the model."""
        self._args, self._kwargs = args, kwargs

    def run_keeping(self, keeping: Keeping) -> None:
        """Run all chains, and do with the draws as told."""
        with self._quietly():
            args = tuple(_detached(arg) for arg in self._args)
            kwargs = {name: _detached(value) for name, value in self._kwargs.items()}
            options = self._options()
            if isinstance(self.kernel, HamiltonianKernel):
                run = PosteriorRun(options, args, kwargs, keeping, self._prepared)
                self._run, self._prepared = run, run.prepared
            else:
                self._run = KernelRun(options, args, kwargs, keeping)
            self._result = self._run.all()

    def _options(self) -> RunOptions:
        return RunOptions(**{field.name: getattr(self, field.name) for field in fields(RunOptions)})

    def extend(self, num_samples: int) -> None:
        """Make ``num_samples`` more draws of each chain, after those that there are.

        Chains go on from where they stand, warm-up is not repeated.

        :raises InferenceError: before :meth:`run`, or for a kernel that is not NUTS or HMC.
        """
        _check_count("num_samples", num_samples, 1)
        if self._run is None:
            raise InferenceError("MCMC: call run(*args) first")
        with self._quietly():
            self._result = self._run.more(num_samples)
        self.num_samples = self.result.shape[1]

    def _quietly(self) -> ExitStack:
        """A context in which handlers outside do not see the model."""
        stack = ExitStack()
        stack.enter_context(block_messengers(lambda handler: True))
        if self.disable_validation is not None:
            stack.enter_context(validation_enabled(not self.disable_validation))
        return stack

    def _keeping(self, resume: PathLike | bool | None) -> Keeping:
        path = self.checkpoint if self.stream_to is None else self.stream_to
        if resume is None or resume is False:
            resuming = False
        elif resume is True:
            if path is None:
                raise InferenceError("MCMC: resume=True needs checkpoint=path or stream_to=path")
            resuming = DrawStore(path).exists
        else:
            if path is not None and Path(path) != Path(resume):
                raise InferenceError(
                    f"MCMC: resume={str(resume)!r} goes on in its own folder, and not in {path!s}"
                )
            path, resuming = resume, True
        if path is None:
            return Keeping()
        take = None if self.stream_to is None else forget
        return Keeping(self.checkpoint_every, DrawStore(path), resuming, take)

    @property
    def engine(self) -> Engine:
        """How the chains ran, and why not in a faster way.

        :raises InferenceError: before :meth:`run`.
        """
        if self._run is not None:
            return self._run.engine
        if self._engine is None:
            raise InferenceError("MCMC: call run(*args) first")
        return self._engine

    @property
    def result(self) -> MCMCResult:
        """All draws with their statistics; ``result.interrupted`` says whether Ctrl-C ended it.

        :raises InferenceError: before :meth:`run`.
        """
        if self._stored is not None:
            interrupted = self._result is None or self._result.interrupted
            return replace(self._stored.result(), interrupted=interrupted)
        if self._result is None:
            raise InferenceError("MCMC: call run(*args) first")
        return self._result

    def get_samples(self, num_samples: int | None = None, group_by_chain: bool = False) -> Samples:
        """The draws by name of site.

        :param num_samples: Draw so many of them with replacement, all sites together.
        :param group_by_chain: Whether the chains are a dim of their own, leftmost.
        :return: Shape ``(chains * draws,) + shape of the site``, or ``(chains, draws) + shape``.
        """
        return select_samples(self.result.samples, num_samples, group_by_chain)

    def diagnostics(self) -> dict[str, dict[str, Any]]:
        """``n_eff`` and ``r_hat`` of each site; divergences and acceptance rates of each chain.

        An element that never changes, as the zeros of a triangular matrix, has neither: both are
        nan there, and its cells in :meth:`summary` are dashes.
        """
        statistics = summarize(self.result.samples)
        sites = {
            name: {"n_eff": found["n_eff"], "r_hat": found["r_hat"]}
            for name, found in statistics.items()
        }
        return {**sites, **self.result.by_chain()}

    def summary(self, prob: float = 0.9) -> None:
        """Print a table of all sites, and what is wrong with the run, if anything is.

        :param prob: The mass of the central intervals.
        """
        print(self.describe(prob))  # noqa: T201 (documented to print)

    def __getstate__(self) -> dict[str, Any]:
        """Draws and settings can be pickled; what ran the chains stays behind."""
        state = self.__dict__ | {"_run": None, "_prepared": None, "executor": None}
        if self._run is not None:
            state["_engine"] = replace(self._run.engine, spec=None, batched=None)
        return state

    def to_inference_data(
        self,
        *,
        log_likelihood: bool = True,
        prior: int | Samples | None = None,
        posterior_predictive: bool | Samples = False,
        coords: Mapping[str, Sequence[Any]] | None = None,
        dims: Mapping[str, Sequence[str]] | None = None,
    ) -> Any:
        """All of a run as an ``arviz.InferenceData``; needs the extra ``arviz``.

        Groups: posterior, sample_stats (``lp``, ``energy``, ``tree_depth``, ``step_size``,
        ``diverging``, ``acceptance_rate``, ``n_steps``), observed_data, and those asked for. Dims
        have the names of plates; others are called ``site_dim_0`` and so on.

        :param log_likelihood: Whether that of each observation is computed, for ``arviz.loo``.
        :param prior: A number of draws to make from the prior and the prior predictive, or draws.
        :param posterior_predictive: Whether to draw one observation for each draw, or such draws.
        :param coords: Labels along dims, in place of numbers.
        :param dims: Names of dims by site, in place of those of plates.
        :raises InferenceError: if ArviZ is not installed, or there are no draws.
        """
        return inference_data(
            self,
            log_likelihood=log_likelihood,
            prior=prior,
            posterior_predictive=posterior_predictive,
            coords=coords,
            dims=dims,
        )

    @property
    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the model in the last run."""
        return self._args, self._kwargs

    def describe(self, prob: float = 0.9) -> str:
        """The text that :meth:`summary` prints; its first line is the verdict."""
        result = self.result
        if not result.shape[1]:
            return "No draws: the run was interrupted in warm-up. extend(n) goes on from there."
        depth = None
        if isinstance(self.kernel, HamiltonianKernel) and self.kernel.trajectories.kind == "nuts":
            depth = self.kernel.trajectories.max_tree_depth
        chains, draws = result.shape
        of = f"{chains} chain{'s' * (chains != 1)} of {draws} draws by {type(self.kernel).__name__}"
        return report(of, summarize(result.samples, prob), result.health(depth))

    def __str__(self) -> str:
        """The first line of :meth:`describe`."""
        if self._result is None and self._stored is None:
            return f"MCMC that has not run, with {type(self.kernel).__name__}"
        return self.describe().partition("\n")[0]


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _check_kernel(kernel: object) -> None:
    if isinstance(kernel, type) or not callable(getattr(kernel, "sample", None)):
        name = getattr(kernel, "__name__", type(kernel).__name__)
        raise InferenceError(
            f"MCMC: the kernel must be an instance, as NUTS(model), but got {name!r}"
        )


def _check_count(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InferenceError(f"MCMC: {name} must be a whole number from {least} up, not {value!r}")
