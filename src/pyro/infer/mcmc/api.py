"""Markov chain Monte Carlo: chains of a kernel, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.engine import Engine, check_method
from pyro.infer.mcmc.hamiltonian import HamiltonianKernel
from pyro.infer.mcmc.hooks import Hook
from pyro.infer.mcmc.kernel_run import KernelRun
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel
from pyro.infer.mcmc.posterior_run import PosteriorRun
from pyro.infer.mcmc.result import MCMCResult, Samples
from pyro.infer.mcmc.summary import summarize, table, verdict
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
        leftmost. By default the kernel's ``init_strategy`` chooses.
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
        initial_params: Mapping[str, Tensor] | None = None,
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
    ) -> None:
        check_method(chain_method)
        _check_count("num_samples", num_samples, 1)
        _check_count("num_chains", num_chains, 1)
        _check_count("thinning", thinning, 1)
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
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        self._result: MCMCResult | None = None
        self._engine: Engine | None = None

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Run all chains for these arguments of the model.

        Ctrl-C ends the run; the draws until then are kept.

        :raises InferenceError: if no valid start is found, or the kernel cannot handle the model.
        """
        self._args, self._kwargs = args, kwargs
        with ExitStack() as stack:
            stack.enter_context(block_messengers(lambda handler: True))
            if self.disable_validation is not None:
                stack.enter_context(validation_enabled(not self.disable_validation))
            detached = [_detached(arg) for arg in args]
            runner = PosteriorRun if isinstance(self.kernel, HamiltonianKernel) else KernelRun
            run = runner(self, tuple(detached), {k: _detached(v) for k, v in kwargs.items()})
            self._engine = run.engine
            self._result = run.all()

    @property
    def engine(self) -> Engine:
        """How the chains ran, and why not in a faster way.

        :raises InferenceError: before :meth:`run`.
        """
        if self._engine is None:
            raise InferenceError("MCMC: call run(*args) first")
        return self._engine

    @property
    def result(self) -> MCMCResult:
        """All draws with their statistics.

        :raises InferenceError: before :meth:`run`.
        """
        if self._result is None:
            raise InferenceError("MCMC: call run(*args) first")
        return self._result

    def get_samples(self, num_samples: int | None = None, group_by_chain: bool = False) -> Samples:
        """The draws by name of site.

        :param num_samples: Draw so many of them with replacement, all sites together.
        :param group_by_chain: Whether the chains are a dim of their own, leftmost.
        :return: Shape ``(chains * draws,) + shape of the site``, or ``(chains, draws) + shape``.
        """
        samples = self.result.samples
        if not group_by_chain:
            samples = {name: values.flatten(0, 1) for name, values in samples.items()}
        if num_samples is None or not samples:
            return dict(samples)
        dim = 1 if group_by_chain else 0
        count = next(iter(samples.values())).shape[dim]
        chosen = torch.randint(count, (num_samples,))
        return {
            name: values.index_select(dim, chosen.to(values.device))
            for name, values in samples.items()
        }

    def diagnostics(self) -> dict[str, dict[str, Any]]:
        """``n_eff`` and ``r_hat`` of each site; divergences and acceptance rates of each chain."""
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

    def describe(self, prob: float = 0.9) -> str:
        """The text that :meth:`summary` prints."""
        statistics = summarize(self.result.samples, prob)
        depth = None
        if isinstance(self.kernel, HamiltonianKernel) and self.kernel.trajectories.kind == "nuts":
            depth = self.kernel.trajectories.max_tree_depth
        health = self.result.health(depth)
        found = verdict(statistics, health)
        lines = [table(statistics), "", f"Number of divergences: {health.divergences}"]
        lines += [f"Look here: {text}" for text in found] or ["No sign of trouble."]
        return "\n".join(lines)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _check_count(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InferenceError(f"MCMC: {name} must be a whole number from {least} up, not {value!r}")
