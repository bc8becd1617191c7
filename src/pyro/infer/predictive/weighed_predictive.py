"""Predictive draws with the importance weights of the guide's draws behind them."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.elbo.weights import sum_by_particle
from pyro.infer.errors import InferenceError
from pyro.infer.predictive.predictive import wanted_sites
from pyro.infer.predictive.sample_runs import Program, SampleRuns, Samples
from pyro.infer.prototype import guess_max_plate_nesting
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace


@dataclass
class WeighedPredictiveResults:
    """Samples with log weights, which are ``model_log_prob - guide_log_prob``.

    ``samples`` is a dict of tensors by site name, or from ``call`` a tuple of them; all have the
    number of samples leftmost, and the other fields have the shape ``(num_samples,)``.
    """

    samples: Any
    log_weights: Tensor
    guide_log_prob: Tensor
    model_log_prob: Tensor

    def get_normalized_weights(self, log_scale: bool = False) -> Tensor:
        r"""The weights :math:`w_i / \sum_j w_j`, or their logarithms."""
        log_weights = self.log_weights.log_softmax(-1)
        return log_weights if log_scale else log_weights.exp()

    def get_ESS(self) -> Tensor:  # noqa: N802 (documented name)
        r"""The effective sample size :math:`(\sum_i w_i)^2 / \sum_i w_i^2`."""
        return (-(2 * self.get_normalized_weights(log_scale=True)).logsumexp(-1)).exp()

    def get_log_normalizer(self) -> Tensor:
        r"""The estimate :math:`\log \frac{1}{n} \sum_i w_i` of the log evidence."""
        return self.log_weights.logsumexp(-1) - math.log(len(self.log_weights))

    def clone(self) -> Self:
        """A copy that shares no memory."""
        return copy.deepcopy(self)


class WeighedPredictive(nn.Module):
    r"""Predictive draws of a guide, each with the weight :math:`p(x_\text{obs}, z) / q(z)`.

    Weighted by these, draws of :math:`p(x \mid z)\, q(z)` become draws of the exact posterior
    predictive; :func:`~pyro.ops.stats.weighed_quantile` takes them, and
    :class:`~pyro.infer.MHResampler` makes draws of equal weight of them.

    Called like :class:`~pyro.infer.Predictive`, with one more keyword: ``model_guide``, the model
    with the data to which the guide was fitted; it gets the same arguments, and is ``model`` by
    default. Latent sites that the guide does not draw are drawn from the model, and do not count in
    the weights.

    :param model: The model for prediction, without observations where draws are wanted.
    :param posterior_samples: Not used: weights need the density of a guide.
    :param guide: Draws the latent values.
    :param num_samples: How many draws.
    :param return_sites: As for :class:`~pyro.infer.Predictive`.
    :param parallel: As for :class:`~pyro.infer.Predictive`.
    :raises InferenceError: without a guide or a number of samples.

    Example::

        >>> from pyro.infer import WeighedPredictive
        >>> from pyro.ops.stats import weighed_quantile
        >>> def model(x=None):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     return pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def with_data():
        ...     return model(torch.tensor(2.0))
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(0.5, 1.0))
        >>> predictive = WeighedPredictive(model, guide=guide, num_samples=10_000, parallel=True)
        >>> draws = predictive(model_guide=with_data)
        >>> weighed_quantile(draws.samples["z"], 0.5, draws.log_weights).round()
        tensor(1.)
    """

    def __init__(
        self,
        model: Program,
        posterior_samples: Mapping[str, Tensor] | None = None,
        guide: Program | None = None,
        num_samples: int | None = None,
        return_sites: Collection[str] | None = (),
        parallel: bool = False,
    ) -> None:
        super().__init__()
        if guide is None or num_samples is None or posterior_samples:
            raise InferenceError(
                "WeighedPredictive needs a guide and num_samples, and no posterior_samples: a "
                "weight is the density of the model over that of the guide"
            )
        self.model = model
        self.guide = guide
        self.num_samples = num_samples
        self.return_sites = return_sites
        self.parallel = parallel

    def call(self, *args: Any, **kwargs: Any) -> WeighedPredictiveResults:
        """As :meth:`forward`, with ``samples`` as a tuple in the order of the sites' names."""
        result = self.forward(*args, **kwargs)
        result.samples = tuple(value for _, value in sorted(result.samples.items()))
        return result

    @torch.no_grad()
    def forward(
        self, *args: Any, model_guide: Program | None = None, **kwargs: Any
    ) -> WeighedPredictiveResults:
        """Draw, for these arguments of the model, and weigh the draws.

        :param model_guide: The model with its data.
        """
        weigh = self._weighed_at_once if self.parallel else self._weighed_one_by_one
        given, guide_log_prob, model_log_prob = weigh(model_guide or self.model, args, kwargs)
        runs = SampleRuns(self.model, given, self.num_samples, args, kwargs)
        wanted = wanted_sites(self.return_sites, given, everything=True)
        samples = (runs.parallel if self.parallel else runs.sequential)(wanted)
        log_weights = model_log_prob - guide_log_prob
        return WeighedPredictiveResults(samples, log_weights, guide_log_prob, model_log_prob)

    def _weighed_one_by_one(
        self, model: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Samples, Tensor, Tensor]:
        drawn: dict[str, list[Tensor]] = {}
        scores: list[tuple[Tensor, ...]] = []
        for _ in range(self.num_samples):
            traces = self._traces(model, args, kwargs)
            for name, value in _latent_values(traces[1]).items():
                drawn.setdefault(name, []).append(value)
            scores.append(tuple(_score(trace, traces[1], None, 1)[0] for trace in traces))
        model_log_prob, guide_log_prob = (
            torch.stack(column) for column in zip(*scores, strict=True)
        )
        return (
            {n: torch.stack(values) for n, values in drawn.items()},
            guide_log_prob,
            model_log_prob,
        )

    def _weighed_at_once(
        self, model: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Samples, Tensor, Tensor]:
        dim = -1 - guess_max_plate_nesting(model, self.guide, args, kwargs)
        traces = self._traces(model, args, kwargs, dim)
        scores = [_score(trace, traces[1], dim, self.num_samples) for trace in traces]
        model_log_prob, guide_log_prob = scores
        return _latent_values(traces[1]), guide_log_prob, model_log_prob

    def _traces(
        self, model: Program, args: tuple[Any, ...], kwargs: dict[str, Any], dim: int | None = None
    ) -> tuple[Trace, Trace]:
        """The traces of the model with its data and of the guide."""

        def run(program: Program, *handlers: Any) -> Trace:
            plate = () if dim is None else (PlateMessenger(_PLATE, self.num_samples, dim=dim),)
            for handler in (*handlers, *plate):
                program = handler(program)
            return TraceMessenger()(program).get_trace(*args, **kwargs)

        guided = run(self.guide)
        return run(model, ReplayMessenger(guided)), guided


_PLATE = "_num_predictive_samples"


def _latent_values(trace: Trace) -> Samples:
    return {name: site["value"] for name, site in trace.nodes.items() if is_latent(site)}


def _score(trace: Trace, guided: Trace, dim: int | None, num_samples: int) -> Tensor:
    """The log density of a trace, without latent sites that the guide leaves to the model.

    :param dim: The batch dim of the samples, over which is not summed.
    """
    return sum_by_particle(
        (
            site_log_prob(trace.nodes, site)
            for site in scored_sites(trace)
            if not is_latent(site) or site["name"] in guided.nodes
        ),
        dim,
        num_samples,
    )
