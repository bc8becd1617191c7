"""Draws with their statistics, data and predictions, as ArviZ takes them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.results.mcmc_result import MCMCResult, Samples
from pyro.infer.predictive import Predictive
from pyro.infer.predictive import log_likelihood as pointwise
from pyro.poutine.condition_messenger import ConditionMessenger
from pyro.poutine.messenger import Messenger, block_messengers
from pyro.poutine.sites import is_deterministic, is_factor, is_observed, is_sample, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class Source(Protocol):
    """A run: its kernel, the arguments of the model, and what came of it."""

    @property
    def kernel(self) -> Any:
        """Its ``model``, if it has one, says what the draws are of."""
        ...

    @property
    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Those of the model."""
        ...

    @property
    def result(self) -> MCMCResult:
        """All draws with their statistics."""
        ...


def inference_data(
    mcmc: Source,
    *,
    log_likelihood: bool = True,
    prior: int | Samples | None = None,
    posterior_predictive: bool | Samples = False,
    coords: Mapping[str, Sequence[Any]] | None = None,
    dims: Mapping[str, Sequence[str]] | None = None,
) -> Any:
    """An ``arviz.InferenceData``; see :meth:`pyro.infer.mcmc.MCMC.to_inference_data`."""
    arviz = _arviz()
    result = mcmc.result
    if not result.shape[1]:
        raise InferenceError("to_inference_data: there are no draws")
    model = getattr(mcmc.kernel, "model", None)
    groups: dict[str, Any] = {
        "posterior": _arrays(result.samples),
        "sample_stats": _arrays(result.statistics),
    }
    names: dict[str, Sequence[str]] = {}
    labels: dict[str, Sequence[Any]] = {}
    if model is not None:
        about = _About(mcmc, result)
        names, labels = about.dims()
        groups |= about.groups(log_likelihood, prior, posterior_predictive)
    return arviz.from_dict(
        **{name: group for name, group in groups.items() if group},
        coords={**labels, **(coords or {})},
        dims={**names, **(dims or {})},
        save_warmup=False,
    )


def _arviz() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about ArviZ's own future
            import arviz
    except ImportError as error:
        raise InferenceError(
            "to_inference_data needs ArviZ: pip install 'pyro-native[arviz]'"
        ) from error
    return arviz


def _arrays(samples: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: values.detach().cpu().numpy() for name, values in samples.items()}


class _About:
    """What is said of a model beside its draws."""

    def __init__(self, mcmc: Source, result: MCMCResult) -> None:
        self._mcmc = mcmc
        self._shape = result.shape
        self._flat = {name: values.flatten(0, 1) for name, values in result.samples.items()}
        self._model: Any = mcmc.kernel.model
        self._args, self._kwargs = mcmc.arguments
        self._trace = self._run()

    def _run(self) -> Trace:
        """A run of the model at the first draw."""
        first = {name: values[0] for name, values in self._flat.items()}
        with ExitStack() as stack:
            stack.enter_context(block_messengers(lambda handler: True))
            stack.enter_context(torch.no_grad())
            traced = stack.enter_context(TraceMessenger())
            stack.enter_context(ConditionMessenger(first))
            self._model(*self._args, **self._kwargs)
        return traced.trace

    def _sites(self) -> dict[str, Message]:
        return {
            name: site
            for name, site in self._trace.nodes.items()
            if is_sample(site) and not is_subsample(site)
        }

    def _observed(self) -> dict[str, Message]:
        return {
            name: site
            for name, site in self._sites().items()
            if is_observed(site)
            and name not in self._flat
            and not is_deterministic(site)
            and not is_factor(site)
        }

    def dims(self) -> tuple[dict[str, Sequence[str]], dict[str, Sequence[Any]]]:
        """The names of the dims of each site, and the labels of plates."""
        names: dict[str, Sequence[str]] = {}
        labels: dict[str, Sequence[Any]] = {}
        for name, site in self._sites().items():
            names[name] = _dims(name, site)
            for frame in site["cond_indep_stack"]:
                if frame.name in names[name]:
                    labels[frame.name] = range(frame.size)
        return names, labels

    def groups(
        self, likelihood: bool, prior: int | Samples | None, predictive: bool | Samples
    ) -> dict[str, Any]:
        """The groups that follow from the model and its data."""
        observed = self._observed()
        found: dict[str, Any] = {
            "observed_data": _arrays({name: site["value"] for name, site in observed.items()})
        }
        if likelihood and observed:
            values = pointwise(self._model, self._latent(), *self._args, **self._kwargs)
            found["log_likelihood"] = self._by_chain(values)
        if isinstance(predictive, Mapping):
            found["posterior_predictive"] = self._by_chain(predictive)
        elif predictive:
            draws = self._predict(self._latent(), None)
            found["posterior_predictive"] = self._by_chain({n: draws[n] for n in observed})
        if prior is not None:
            draws = dict(prior) if isinstance(prior, Mapping) else self._predict(None, prior)
            found |= _prior(draws, observed)
        return found

    def _latent(self) -> Samples:
        """The draws of sites that are not computed from others."""
        sites = self._sites()
        return {n: v for n, v in self._flat.items() if not is_deterministic(sites[n])}

    def _predict(self, samples: Samples | None, count: int | None) -> Samples:
        draw = Predictive(_unobserved(self._model), samples, None, count)
        return {
            name: values.reshape(len(values), *self._trace.nodes[name]["value"].shape)
            for name, values in draw(*self._args, **self._kwargs).items()
            if name in self._trace.nodes
        }

    def _by_chain(self, samples: Mapping[str, Tensor]) -> dict[str, Any]:
        chains, draws = self._shape
        shaped = {
            name: values.reshape(chains, draws, *values.shape[1:])
            for name, values in samples.items()
        }
        return _arrays(shaped)


class _Unobserve(Messenger):
    """Draw observations anew; deterministic sites are left as they are, in plates too."""

    def _pyro_sample(self, msg: Message) -> None:
        if is_observed(msg) and not is_deterministic(msg) and not is_factor(msg):
            msg["is_observed"], msg["value"], msg["done"] = False, None, False


def _unobserved(model: Any) -> Any:
    def program(*args: Any, **kwargs: Any) -> Any:
        with _Unobserve():
            return model(*args, **kwargs)

    return program


def _prior(draws: Samples, observed: Mapping[str, Message]) -> dict[str, Any]:
    arrays = {name: values[None] for name, values in _arrays(draws).items()}
    return {
        "prior": {name: value for name, value in arrays.items() if name not in observed},
        "prior_predictive": {name: value for name, value in arrays.items() if name in observed},
    }


def _dims(name: str, site: Message) -> list[str]:
    """A name for each dim of a site's value: that of the plate, where there is one."""
    value = torch.as_tensor(site["value"])
    event_dim = 0 if is_deterministic(site) else getattr(site["fn"], "event_dim", 0)
    found = [f"{name}_dim_{i}" for i in range(value.dim())]
    for frame in site["cond_indep_stack"]:
        dim = None if frame.dim is None else frame.dim + value.dim() - event_dim
        if dim is not None and dim >= 0 and value.shape[dim] == frame.size:
            found[dim] = frame.name
    return found
