"""Guides that run the model, with a posterior in the place of each prior."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor

from pyro.distributions.delta import Delta
from pyro.errors import HandlerError
from pyro.poutine.sites import is_latent, is_observed
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class GuideMessenger:
    """The base of guides that say, site by site, what the posterior is.

    A call runs the model; where the model has a latent site with a prior, the guide draws from
    ``get_posterior(name, prior)``. So the guide has the model's control flow, plates and
    subsamples, and may depend on upstream values. Observed sites, and those that the objective
    enumerates, are hidden from handlers outside.

    :param model: A function that calls ``pyro.sample``.

    Example::

        >>> from pyro.poutine.guide import GuideMessenger
        >>> class Narrow(GuideMessenger):
        ...     def get_posterior(self, name, prior):
        ...         return dist.Normal(pyro.param(name + "_loc", torch.zeros(())), 0.1)
        >>> def model(y):
        ...     x = pyro.sample("x", dist.Normal(0.0, 1.0))
        ...     pyro.sample("y", dist.Normal(x, 1.0), obs=y)
        >>> guide = Narrow(model)
        >>> sorted(guide(torch.tensor(0.0)))
        ['x', 'y']
        >>> poutine.trace(guide).get_trace(torch.tensor(0.0)).nodes["x"]["fn"]
        Normal(loc: 0.0, scale: 0.10000000149011612)
    """

    def __init__(self, model: Callable[..., Any]) -> None:
        super().__init__()
        self._model = (model,)

    @property
    def model(self) -> Callable[..., Any]:
        """The model."""
        return self._model[0]

    @abstractmethod
    def get_posterior(self, name: str, prior: Any) -> Any:
        """The posterior of a site, given the values of upstream sites.

        :param name: The site.
        :param prior: Its prior in this run, expanded to the plates of the model.
        :return: A distribution, or a tensor for a point mass.
        """

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw from the guide: all values of the run of the model, by name of site."""
        run = _GuideRun(self.get_posterior)
        outer, _RUNS.current = _RUNS.current, run
        try:
            with run:
                self.model(*args, **kwargs)
        finally:
            _RUNS.current = outer
        _RUNS.last = run
        return {
            name: site["value"]
            for name, site in run.trace.nodes.items()
            if (is_latent(site) and not _is_enumerated(site)) or is_observed(site)
        }

    def upstream_value(self, name: str) -> Tensor | None:
        """The value of an earlier site of this run, for use in ``get_posterior``."""
        run = _RUNS.current
        if run is None:
            raise HandlerError("upstream_value() has a meaning only within get_posterior()")
        site = run.trace.nodes.get(name)
        return None if site is None else site["value"]

    def get_traces(self) -> tuple[Trace, Trace]:
        """The traces of model and guide of the last call in this thread.

        :raises HandlerError: if there was none.
        """
        if _RUNS.last is None:
            raise HandlerError("get_traces(): call the guide first")
        return _RUNS.last.traces()


class _Runs(threading.local):
    def __init__(self) -> None:
        self.current: _GuideRun | None = None
        self.last: _GuideRun | None = None


_RUNS = _Runs()


class _GuideRun(TraceMessenger):
    """One run of the model under its guide."""

    def __init__(self, get_posterior: Callable[[str, Any], Any]) -> None:
        super().__init__()
        self._get_posterior = get_posterior
        self.frames: tuple[Any, ...] = ()
        self.priors: dict[str, Any] = {}

    def _pyro_sample(self, msg: Message) -> None:
        if msg["is_observed"] or _is_enumerated(msg):
            msg["stop"] = True  # these are the model's alone
            return
        if msg["done"] or not is_latent(msg):
            return
        prior = self.priors[msg["name"]] = msg["fn"]
        self.frames = msg["cond_indep_stack"]
        posterior = self._get_posterior(msg["name"], prior)
        if isinstance(posterior, Tensor):
            posterior = Delta(posterior, event_dim=prior.event_dim)
        if posterior.batch_shape != prior.batch_shape:
            posterior = posterior.expand(prior.batch_shape)
        msg["fn"] = posterior

    def traces(self) -> tuple[Trace, Trace]:
        """The traces of model and guide."""
        model_trace, guide_trace = self.trace.copy(), self.trace.copy()
        for name, site in self.trace.nodes.items():
            if is_observed(site) or _is_enumerated(site):
                guide_trace.remove_node(name)
            elif name in self.priors:
                node = site.copy()
                node["fn"] = self.priors[name]
                model_trace.nodes[name] = node
        return model_trace, guide_trace


def _is_enumerated(site: Message) -> bool:
    """Whether the objective sums the site out of the model."""
    return bool(site["infer"].get("enumerate"))


def current_frames() -> tuple[Any, ...]:
    """The plates of the model around the site whose posterior is asked for."""
    return () if _RUNS.current is None else _RUNS.current.frames
