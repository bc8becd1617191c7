"""The log-probability of each observation under each draw of a posterior."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.predictive.sample_runs import Program, SampleRuns, Samples
from pyro.ops.masking import scale_and_mask
from pyro.poutine.sites import is_deterministic, is_factor, is_latent, is_observed
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


def log_likelihood(
    model: Program,
    posterior_samples: Mapping[str, Tensor],
    *args: Any,
    parallel: bool = False,
    **kwargs: Any,
) -> Samples:
    r"""The log-probability of each observation under each of some samples, by observed site.

    It is what :func:`pyro.ops.stats.waic` and :func:`pyro.ops.stats.loo` take. Scales (of
    subsampled plates, or by ``poutine.scale``) do not count; where an observation is masked the
    result is 0. Factors and computed sites have no entry.

    :param posterior_samples: Values of the latent sites by name, the number of samples leftmost.
    :param parallel: Run the model once for all samples; see :class:`~pyro.infer.Predictive`.
    :return: For each observed site a tensor of the shape ``(num_samples,) + batch shape``.
    :raises InferenceError: if there are no samples, or a site is not in each run.

    Example::

        >>> from pyro.infer import log_likelihood
        >>> def model(y):
        ...     mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", len(y)):
        ...         pyro.sample("y", dist.Normal(mu, 1.0), obs=y)
        >>> samples = {"mu": torch.zeros(100)}
        >>> log_likelihood(model, samples, torch.zeros(3))["y"].shape
        torch.Size([100, 3])
    """
    given = dict(posterior_samples)
    sizes = {name: len(value) if value.dim() else 0 for name, value in given.items()}
    if len(set(sizes.values())) != 1 or 0 in sizes.values():
        raise InferenceError(
            "log_likelihood: the leftmost dim of all posterior_samples must be the number of "
            f"samples, but the sizes are {sizes}"
        )
    count = next(iter(sizes.values()))
    runs = SampleRuns(model, given, count, args, kwargs, named_by_user=True, scored=True)
    return log_likelihood_of(runs, given, parallel)


def log_likelihood_of(runs: SampleRuns, given: Mapping[str, Tensor], parallel: bool) -> Samples:
    """The log-probabilities of the observations in scored runs."""
    sites = {n: s for n, s in runs.prototype.items() if _is_observation(s) and n not in given}
    drawn = [n for n, s in runs.prototype.items() if is_latent(s) and n not in given]
    if drawn:
        warnings.warn(
            f"log_likelihood: no samples are given for the sites {drawn}; they are drawn anew",
            UserWarning,
            stacklevel=3,
        )
    with torch.no_grad():
        if parallel:
            trace = runs.vectorized_trace()
            return {name: _for_each_sample(trace, name, site, runs) for name, site in sites.items()}
        stacked: dict[str, list[Tensor]] = {name: [] for name in sites}
        for trace in runs.traces():
            for name in trace.nodes.keys() & sites.keys():
                stacked[name].append(_pointwise(trace, name))
    return {name: runs.stack(name, values) for name, values in stacked.items()}


def _is_observation(site: Message) -> bool:
    return is_observed(site) and not is_deterministic(site) and not is_factor(site)


def _pointwise(trace: Trace, name: str) -> Tensor:
    """The log-probabilities of a site, masked and not scaled."""
    site = trace.nodes[name]
    site_log_prob(trace.nodes, site)
    return torch.as_tensor(scale_and_mask(site["unscaled_log_prob"], 1.0, site["mask"]))


def _for_each_sample(trace: Trace, name: str, site: Message, runs: SampleRuns) -> Tensor:
    """The log-probabilities of a vectorised run, without the dims of size 1 for other plates."""
    return _pointwise(trace, name).reshape(runs.num_samples, *site["fn"].batch_shape)
