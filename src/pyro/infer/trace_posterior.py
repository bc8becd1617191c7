"""Posteriors made of weighted traces."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from pyro.infer.empirical_marginal import EmpiricalMarginal, Marginals
from pyro.infer.errors import InferenceError
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace


class TracePosterior(ABC):
    """A posterior approximated by traces with log weights, which a subclass yields.

    ``run(*args)`` fills ``exec_traces``, ``log_weights`` and ``chain_ids``; calling the object with
    the model's arguments runs it if need be and draws one trace according to the weights, without
    the observed sites.

    :param num_chains: The number of chains, for subclasses that yield ``(trace, weight, chain)``.

    Example::

        >>> class Prior(TracePosterior):
        ...     "Two draws from the prior."
        ...     def _traces(self, model):
        ...         for _ in range(2):
        ...             yield poutine.trace(model).get_trace(), torch.tensor(0.0)
        >>> posterior = Prior().run(lambda: pyro.sample("z", dist.Delta(torch.tensor(3.0))))
        >>> len(posterior.exec_traces), posterior.marginal("z").empirical["z"].mean
        (2, tensor(3.))
    """

    def __init__(self, num_chains: int = 1) -> None:
        self.num_chains = num_chains
        self._reset()

    def _reset(self) -> None:
        self.exec_traces: list[Trace] = []
        self.log_weights: list[Tensor | float] = []
        self.chain_ids: list[int] = []

    @abstractmethod
    def _traces(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Any, ...]]:
        """Yield ``(trace, log_weight)`` or ``(trace, log_weight, chain_id)``."""

    def run(self, *args: Any, **kwargs: Any) -> Self:
        """Collect traces for these arguments of the model, and return the object itself."""
        self._reset()
        with torch.no_grad():
            for trace, log_weight, *chain in self._traces(*args, **kwargs):
                self.exec_traces.append(trace)
                self.log_weights.append(log_weight)
                self.chain_ids.append(chain[0] if chain else 0)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Trace:
        """Draw a trace; its observed sites are left out."""
        if not self.exec_traces:
            self.run(*args, **kwargs)
        index = int(torch.distributions.Categorical(logits=self._stacked_log_weights()).sample())
        trace = self.exec_traces[index].copy()
        for name in trace.observation_nodes:
            trace.remove_node(name)
        return trace

    def marginal(self, sites: str | Sequence[str] | None = None) -> Marginals:
        """The empirical marginal distributions of the given sites (default: the return value)."""
        return Marginals(self, sites)

    def _stacked_log_weights(self) -> Tensor:
        if not self.log_weights:
            raise InferenceError(
                f"{type(self).__name__} has no traces yet: call .run(*args) with the arguments of "
                "the model first"
            )
        return torch.stack(
            [
                torch.as_tensor(w, dtype=torch.get_default_dtype())
                if not isinstance(w, Tensor)
                else w.detach()
                for w in self.log_weights
            ]
        )


class TracePredictive(TracePosterior):
    """Runs of a model with latent values from a trace posterior (deprecated).

    .. deprecated:: 0.4
       Use :class:`Predictive`.

    :param posterior: A trace posterior that has been run, or is run with the same arguments.
    :param num_samples: How many runs.
    :param keep_sites: The sites whose values are kept; by default all latent sites.

    Example::

        >>> from pyro.infer import Importance
        >>> def model():
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     return pyro.sample("x", dist.Normal(z, 0.1))
        >>> posterior = Importance(model, num_samples=10).run()
        >>> runs = TracePredictive(model, posterior, num_samples=5, keep_sites=["z"]).run()
        >>> drawn = {trace.nodes["z"]["value"].item() for trace in posterior.exec_traces}
        >>> all(trace.nodes["z"]["value"].item() in drawn for trace in runs.exec_traces)
        True
    """

    def __init__(
        self,
        model: Callable[..., Any],
        posterior: TracePosterior,
        num_samples: int,
        keep_sites: Sequence[str] | None = None,
    ) -> None:
        warnings.warn("TracePredictive is deprecated; use Predictive", FutureWarning, stacklevel=2)
        super().__init__()
        self.model = model
        self.posterior = posterior
        self.num_samples = num_samples
        self.keep_sites = keep_sites

    def _traces(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Any, ...]]:
        if not self.posterior.exec_traces:
            self.posterior.run(*args, **kwargs)
        for _ in range(self.num_samples):
            drawn = self.posterior(*args, **kwargs)
            for name in [n for n, s in drawn.nodes.items() if not self._keeps(n, s)]:
                drawn.remove_node(name)
            with ReplayMessenger(drawn):
                yield TraceMessenger()(self.model).get_trace(*args, **kwargs), 0.0, 0

    def _keeps(self, name: str, site: Any) -> bool:
        if site["type"] != "sample" or is_subsample(site):
            return False
        return self.keep_sites is None or name in self.keep_sites


__all__ = ["EmpiricalMarginal", "Marginals", "TracePosterior", "TracePredictive"]
