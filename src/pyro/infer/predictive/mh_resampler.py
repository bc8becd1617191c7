"""Draws of equal weight from weighted ones, by the Metropolis-Hastings algorithm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyro.infer.errors import InferenceError
from pyro.infer.predictive.weighed_predictive import WeighedPredictiveResults

Results = WeighedPredictiveResults


class MHResampler(nn.Module):
    r"""Markov chains, one for each sample, that propose what a weighing sampler draws.

    The first call returns the draws of the guide as they are. Each later call proposes new ones,
    and each sample is replaced with probability :math:`\min(1, w' / w)`, for the weights
    :math:`w = p / q` of the new and of the old. So the samples come closer to equally weighted
    draws of the posterior with each call, at the rate of the largest weight.

    See Hastings (1970), *Monte Carlo Sampling Methods Using Markov Chains and Their Applications*
    (independent proposals).

    :param sampler: Returns :class:`~pyro.infer.predictive.WeighedPredictiveResults` when called,
        such as :class:`~pyro.infer.WeighedPredictive`.
    :param source_samples_slice: Which of the last proposals are kept, such as ``slice(-3, None)``
        for those of the last three calls; by default none.
    :param stored_samples_slice: Which of the last results are kept; by default none.

    Example::

        >>> from pyro.infer import MHResampler, WeighedPredictive
        >>> def model(x=None):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     return pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(0.0, 1.0))
        >>> predictive = WeighedPredictive(model, guide=guide, num_samples=10_000, parallel=True)
        >>> resampler = MHResampler(predictive)
        >>> for _ in range(20):
        ...     draws = resampler(model_guide=lambda: model(torch.tensor(2.0)))
        >>> draws.samples["z"].mean().round(), resampler.get_total_transition_count() > 10_000
        (tensor(1.), tensor(True))
    """

    def __init__(
        self,
        sampler: Callable[..., Results],
        source_samples_slice: slice = slice(0),
        stored_samples_slice: slice = slice(0),
    ) -> None:
        super().__init__()
        self.sampler = sampler
        self.samples: Results | None = None
        self.transition_count = torch.zeros((), dtype=torch.long)
        self.source_samples: list[Results] = []
        self.source_samples_slice = source_samples_slice
        self.stored_samples: list[Results] = []
        self.stored_samples_slice = stored_samples_slice

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Results:
        """One step of all chains; the arguments are those of the sampler."""
        proposed = self.sampler(*args, **kwargs)
        self.source_samples = [*self.source_samples, proposed][self.source_samples_slice]
        if self.samples is None:
            self.samples = proposed.clone()
            self.transition_count = torch.zeros_like(proposed.log_weights, dtype=torch.long)
        else:
            log_ratio = proposed.log_weights - self.samples.log_weights
            accepted = torch.rand_like(log_ratio).log() < log_ratio
            self.transition_count = self.transition_count + accepted
            self.samples = _choose(accepted, proposed, self.samples)
        result = self.samples.clone()
        self.stored_samples = [*self.stored_samples, result][self.stored_samples_slice]
        return result

    def get_min_sample_transition_count(self) -> Tensor:
        """How often the sample that was replaced least often was replaced."""
        return self.transition_count.min()

    def get_total_transition_count(self) -> Tensor:
        """How often samples were replaced."""
        return self.transition_count.sum()

    def get_source_samples(self) -> Results:
        """The proposals that were kept, in one batch."""
        return self.get_samples(self.source_samples)

    def get_stored_samples(self) -> Results:
        """The results that were kept, in one batch."""
        return self.get_samples(self.stored_samples)

    def get_samples(self, samples: Sequence[Results]) -> Results:
        """Several results in one batch.

        :raises InferenceError: if there are none.
        """
        if not samples:
            raise InferenceError(
                "MHResampler kept no samples: give source_samples_slice or stored_samples_slice, "
                "such as slice(None) for all of them, and call the resampler"
            )
        return _map(lambda *parts: torch.cat(parts), *samples)


def _choose(accepted: Tensor, new: Results, old: Results) -> Results:
    def choose(new: Tensor, old: Tensor) -> Tensor:
        return torch.where(accepted.reshape((-1,) + (1,) * (new.dim() - 1)), new, old)

    return _map(choose, new, old)


def _map(function: Callable[..., Tensor], *results: Results) -> Results:
    """Apply a function to the tensors of some results that belong together."""
    first = results[0].samples
    keys: Any = first.keys() if isinstance(first, dict) else range(len(first))
    columns = [function(*(result.samples[key] for result in results)) for key in keys]
    samples = dict(zip(keys, columns, strict=True)) if isinstance(first, dict) else tuple(columns)
    fields = ("log_weights", "guide_log_prob", "model_log_prob")
    return Results(samples, *(function(*(getattr(r, field) for r in results)) for field in fields))
