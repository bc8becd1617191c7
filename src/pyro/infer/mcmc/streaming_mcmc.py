"""MCMC that keeps statistics of draws, and not the draws."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import deepcopy
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from pyro.infer.mcmc.api import MCMC
from pyro.infer.mcmc.engines.choice import Engine
from pyro.infer.mcmc.engines.hooked import Hook
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel
from pyro.infer.mcmc.results.mcmc_result import MCMCResult
from pyro.infer.mcmc.runs.keeping import Keeping
from pyro.ops.streaming import CountMeanVarianceStats, StatsOfDict, StreamingStats

_PIECE = 100  # draws of each chain that are in memory at a time


class StreamingMCMC:
    """Statistics of a posterior by Markov chains, in memory that does not grow with the draws.

    The parameters are those of :class:`~pyro.infer.mcmc.MCMC`, and

    :param statistics: Updated with a dict of each draw's values, by pairs of the number of the
        chain and the name of the site; by default their counts, means and variances.

    Example::

        >>> from pyro.infer import NUTS
        >>> from pyro.infer.mcmc import StreamingMCMC
        >>> def model():
        ...     pyro.sample("x", dist.Exponential(2.0))
        >>> mcmc = StreamingMCMC(NUTS(model), num_samples=1000, disable_progbar=True)
        >>> mcmc.run()
        >>> found = mcmc.get_statistics(group_by_chain=False)["x"]
        >>> found["count"], abs(found["mean"] - 0.5) < 0.1
        (1000, tensor(True))
    """

    def __init__(
        self,
        kernel: MCMCKernel,
        num_samples: int,
        warmup_steps: int | None = None,
        initial_params: Mapping[str, Tensor] | str | None = None,
        statistics: StreamingStats | None = None,
        num_chains: int = 1,
        hook_fn: Hook | None = None,
        disable_progbar: bool = False,
        disable_validation: bool | None = True,
        transforms: Mapping[str, Any] | None = None,
        save_params: list[str] | None = None,
        *,
        chain_method: str = "auto",
        thinning: int = 1,
    ) -> None:
        self._mcmc = MCMC(
            kernel,
            num_samples,
            warmup_steps,
            initial_params,
            num_chains,
            hook_fn,
            disable_progbar=disable_progbar,
            disable_validation=disable_validation,
            transforms=transforms,
            save_params=save_params,
            chain_method=chain_method,
            thinning=thinning,
        )
        if statistics is None:
            statistics = StatsOfDict(default=CountMeanVarianceStats)
        self._blank = statistics
        self._statistics = deepcopy(statistics)
        self._accepted: dict[int, tuple[float, int]] = {}
        self._divergences: dict[int, list[int]] = {}

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Run all chains; as :meth:`pyro.infer.mcmc.MCMC.run`."""
        self._statistics = deepcopy(self._blank)
        self._accepted, self._divergences = {}, {}
        self._mcmc.set_arguments(args, kwargs)
        self._mcmc.run_keeping(Keeping(every=_PIECE, take=self._take))

    def _take(self, piece: MCMCResult, first_chain: int) -> None:
        chains, draws = piece.shape
        for draw in range(draws):
            for chain in range(chains):
                number = first_chain + chain
                self._statistics.update(
                    {(number, name): values[chain, draw] for name, values in piece.samples.items()}
                )
        for chain in range(chains if piece.statistics else 0):
            self._note(first_chain + chain, {k: v[chain] for k, v in piece.statistics.items()})

    def _note(self, chain: int, statistics: Mapping[str, Tensor]) -> None:
        total, count = self._accepted.get(chain, (0.0, 0))
        rates = statistics["acceptance_rate"]
        self._accepted[chain] = total + float(rates.sum()), count + len(rates)
        diverging = statistics["diverging"].nonzero().flatten() + count
        self._divergences.setdefault(chain, []).extend(diverging.tolist())

    @property
    def kernel(self) -> MCMCKernel:
        """The kernel."""
        return self._mcmc.kernel

    @property
    def engine(self) -> Engine:
        """How the chains ran."""
        return self._mcmc.engine

    def get_statistics(self, group_by_chain: bool = True) -> dict[Hashable, Any]:
        """The statistics.

        :param group_by_chain: By ``(chain, name)``, as they are; or else merged over chains, by
            name.
        """
        if group_by_chain:
            return self._statistics.get()
        assert isinstance(self._statistics, StatsOfDict)
        by_name: dict[Hashable, list[StreamingStats]] = {}
        for key, stats in self._statistics.stats.items():
            if isinstance(key, tuple):
                by_name.setdefault(key[1], []).append(stats)
        return {name: reduce(_merged, several).get() for name, several in by_name.items()}

    def diagnostics(self) -> dict[str, dict[str, Any]]:
        """R-hat of each site from means and variances, divergences and acceptance rates.

        R-hat is that of Gelman and Rubin (1992), without splitting of chains, which would need the
        draws.
        """
        by_name: dict[str, list[dict[str, Any]]] = {}
        for key, found in self._statistics.get().items():
            if isinstance(key, tuple) and "variance" in found:
                by_name.setdefault(key[1], []).append(found)
        result: dict[str, dict[str, Any]] = {
            name: {"r_hat": _r_hat(found)} for name, found in by_name.items()
        }
        result["divergences"] = {f"chain {i}": found for i, found in self._divergences.items()}
        result["acceptance rate"] = {
            f"chain {i}": total / max(count, 1) for i, (total, count) in self._accepted.items()
        }
        return result


def _merged(a: StreamingStats, b: StreamingStats) -> StreamingStats:
    return a.merge(b)


def _r_hat(chains: list[dict[str, Any]]) -> Tensor:
    within = torch.stack([chain["variance"] for chain in chains]).mean(0)
    if len(chains) == 1:
        return torch.ones_like(within)
    between = torch.stack([chain["mean"] for chain in chains]).var(0)
    count = min(chain["count"] for chain in chains)
    result: Tensor = ((count - 1) / count + between / within).sqrt()
    return result
