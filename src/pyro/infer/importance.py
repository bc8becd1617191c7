"""Importance sampling: posteriors as weighted traces, and diagnostics of guides."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.errors import InferenceError
from pyro.infer.lent_sites import lend_auxiliary_sites
from pyro.infer.prototype import guess_max_plate_nesting
from pyro.infer.trace_posterior import TracePosterior
from pyro.ops.psis import psis
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_observed
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace

Program = Callable[..., Any]


class Importance(TracePosterior):
    r"""A posterior of traces drawn from a guide :math:`q`, weighted by :math:`p(x, z) / q(z)`.

    :param guide: The proposal; by default the prior of the model.
    :param num_samples: How many traces (10 by default, with a warning).

    Example::

        >>> from pyro.infer import EmpiricalMarginal
        >>> def model(x):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide(x):  # the posterior, so that all weights are equal
        ...     pyro.sample("z", dist.Normal(x / 2, 0.5**0.5))
        >>> posterior = Importance(model, guide, num_samples=200).run(torch.tensor(2.0))
        >>> print(f"{posterior.get_log_normalizer():.4f}, {posterior.get_ESS():.1f}")
        -2.2655, 200.0
        >>> round(EmpiricalMarginal(posterior, "z").mean.item())
        1
    """

    def __init__(
        self, model: Program, guide: Program | None = None, num_samples: int | None = None
    ) -> None:
        super().__init__()
        if num_samples is None:
            num_samples = 10
            warnings.warn(
                f"num_samples not provided, defaulting to {num_samples}", UserWarning, stacklevel=2
            )
        self.num_samples = num_samples
        self.model = model
        self.guide = guide

    def _traces(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Trace, Tensor]]:
        for _ in range(self.num_samples):
            if self.guide is None:
                model_trace = TraceMessenger()(self.model).get_trace(*args, **kwargs)
                yield model_trace, _total(model_trace.log_prob_sum(lambda n, s: is_observed(s)))
                continue
            with TraceMessenger() as guided:
                self.guide(*args, **kwargs)
            with ReplayMessenger(guided.trace):
                model_trace = TraceMessenger()(self.model).get_trace(*args, **kwargs)
            lend_auxiliary_sites(model_trace, guided.trace)
            yield model_trace, _total(model_trace.log_prob_sum() - guided.trace.log_prob_sum())

    def get_log_normalizer(self) -> Tensor:
        r"""The estimate :math:`\log \frac{1}{n} \sum_i w_i` of the log evidence."""
        log_weights = self._stacked_log_weights()
        return log_weights.logsumexp(-1) - math.log(len(log_weights))

    def get_normalized_weights(self, log_scale: bool = False) -> Tensor:
        r"""The weights :math:`w_i / \sum_j w_j`, or their logarithms."""
        log_weights = self._stacked_log_weights().log_softmax(-1)
        return log_weights if log_scale else log_weights.exp()

    def get_ESS(self) -> Tensor:  # noqa: N802 (documented name)
        r"""The effective sample size :math:`(\sum_i w_i)^2 / \sum_i w_i^2`."""
        log_weights = self.get_normalized_weights(log_scale=True)
        return (-(2 * log_weights).logsumexp(-1)).exp()


def vectorized_importance_weights(
    model: Program,
    guide: Program,
    *args: Any,
    num_samples: int | None = None,
    max_plate_nesting: int | None = None,
    normalized: bool = False,
    **kwargs: Any,
) -> tuple[Tensor, Trace, Trace]:
    r"""Log weights :math:`\log p(x, z_i) - \log q(z_i)` of draws made in one vectorised run.

    :param num_samples: How many; they are in a plate outside of all others.
    :param max_plate_nesting: How deeply the plates of model and guide are nested; found out by
        default.
    :param normalized: Whether the weights are made to sum to one.
    :return: Log weights of shape ``(num_samples,)``, the model's trace, and the guide's.

    Example::

        >>> def model():
        ...     pyro.sample("z", dist.Normal(0.0, 1.0))
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(torch.tensor(1.0), 1.0))
        >>> log_weights, _, trace = vectorized_importance_weights(model, guide, num_samples=5)
        >>> torch.allclose(log_weights, 0.5 - trace.nodes["z"]["value"])
        True
    """
    if num_samples is None:
        raise InferenceError("vectorized_importance_weights: num_samples must be given")
    if max_plate_nesting is None:
        max_plate_nesting = guess_max_plate_nesting(model, guide, args, kwargs)
    dim = -1 - max_plate_nesting

    def plate() -> PlateMessenger:
        return PlateMessenger("num_particles_vectorized", num_samples, dim=dim)

    with torch.no_grad():
        with TraceMessenger() as guided, plate():
            guide(*args, **kwargs)
        with TraceMessenger() as modelled, ReplayMessenger(guided.trace), plate():
            model(*args, **kwargs)
        lend_auxiliary_sites(modelled.trace, guided.trace)
        log_weights = _sum_by_particle(modelled.trace, dim, num_samples)
        log_weights = log_weights - _sum_by_particle(guided.trace, dim, num_samples)
    if normalized:
        log_weights = log_weights.log_softmax(-1)
    return log_weights, modelled.trace, guided.trace


def psis_diagnostic(
    model: Program,
    guide: Program,
    *args: Any,
    num_particles: int = 1000,
    max_simultaneous_particles: int | None = None,
    max_plate_nesting: int | None = None,
    **kwargs: Any,
) -> float:
    r"""How well a guide fits: the shape :math:`\hat k` of the tail of the importance weights.

    Below 0.5 the guide is close to the posterior; above 0.7 it is not to be trusted.
    The programs must allow draws to be made in one run: all batch dims are those of plates.
    :func:`~pyro.infer.guide_diagnostics` says more, and takes other programs too.

    See Yao, Vehtari, Simpson and Gelman (2018), *Yes, but Did It Work?: Evaluating Variational
    Inference*; Vehtari, Simpson, Gelman, Yao and Gabry (2024), *Pareto Smoothed Importance
    Sampling*.

    :param num_particles: How many draws; the tail is the largest
        :math:`\min(n / 5, 3 \sqrt n)` of the weights.
    :param max_simultaneous_particles: How many at a time; by default all.
    :param max_plate_nesting: How deeply the plates are nested; found out by default.
    :return: :math:`\hat k`.

    Example::

        >>> def model():
        ...     pyro.sample("z", dist.Normal(0.0, 1.0))
        >>> def narrow():
        ...     pyro.sample("z", dist.Normal(0.0, 0.25))
        >>> psis_diagnostic(model, model), psis_diagnostic(model, narrow) > 0.7
        (-inf, True)
    """
    if num_particles < 25:
        raise InferenceError(f"psis_diagnostic needs at least 25 particles, not {num_particles}")
    at_once = max_simultaneous_particles or num_particles
    if at_once < 1:
        raise InferenceError(f"max_simultaneous_particles must be positive, but is {at_once}")
    if max_plate_nesting is None:
        max_plate_nesting = guess_max_plate_nesting(model, guide, args, kwargs)
    sizes = [min(at_once, num_particles - start) for start in range(0, num_particles, at_once)]
    options = {"max_plate_nesting": max_plate_nesting, **kwargs}
    parts = [
        vectorized_importance_weights(model, guide, *args, num_samples=size, **options)[0]
        for size in sizes
    ]
    return psis(torch.cat(parts).double()).k_hat.item()


def _sum_by_particle(trace: Trace, dim: int, num_samples: int) -> Tensor:
    total = torch.zeros(num_samples)
    for site in scored_sites(trace):
        score = site_log_prob(trace.nodes, site)
        if score.dim() >= -dim and score.shape[dim] == num_samples:
            score = score.movedim(dim, 0).reshape(num_samples, -1).sum(-1)
        else:
            score = score.sum()
        total = total.to(score) + score
    return total


def _total(log_weight: Any) -> Tensor:
    return torch.as_tensor(log_weight).detach()
