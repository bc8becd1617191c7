"""Draws under changing priors from one set of simulations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.elbo.weights import sum_by_particle
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import guess_max_plate_nesting
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_latent, is_sample, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace

Program = Callable[[], Any]


class Resampler:
    r"""Draws of models from weighted draws of one guide, to tune priors while looking at them.

    The guide and an expensive simulator are run once, for many draws. For each model that is tried,
    some of the draws are chosen with probabilities proportional to
    :math:`p_\text{model}(z) / q_\text{guide}(z)`. If the guide covers the model poorly, few
    different draws are chosen.

    :param guide: A diffuse program without arguments.
    :param simulator: A larger program with the same latent sites (their values are those of the
        guide) and others; by default none.
    :param num_guide_samples: How many draws are made; many more than are asked for later.
    :param max_plate_nesting: How deeply plates are nested; found out by default.

    Example::

        >>> from pyro.infer.resampler import Resampler
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(0.0, 3.0))
        >>> def simulator():
        ...     z = pyro.sample("z", dist.Normal(0.0, 3.0))
        ...     pyro.sample("x", dist.Normal(z, 0.1))
        >>> def model():
        ...     pyro.sample("z", dist.Normal(2.0, 0.5))
        >>> resampler = Resampler(guide, simulator, num_guide_samples=10_000)
        >>> draws = resampler.sample(model, 1000)
        >>> draws["x"].shape, draws["x"].mean().round()
        (torch.Size([1000]), tensor(2.))
    """

    def __init__(
        self,
        guide: Program,
        simulator: Program | None = None,
        *,
        num_guide_samples: int,
        max_plate_nesting: int | None = None,
    ) -> None:
        self.num_guide_samples = num_guide_samples
        if max_plate_nesting is None:
            max_plate_nesting = guess_max_plate_nesting(simulator or guide, guide, (), {})
        self._dim = -1 - max_plate_nesting
        with torch.no_grad():
            self._guide_trace = self._run(guide)
            self._log_guide = self._log_prob(self._guide_trace)
            simulated = self._guide_trace
            if simulator is not None:
                simulated = self._run(ReplayMessenger(self._guide_trace)(simulator))
        self._samples = {
            name: self._leftmost(site["value"], len(site["fn"].event_shape))
            for name, site in simulated.nodes.items()
            if is_sample(site) and not is_subsample(site)
        }
        self._uniforms = torch.rand_like(self._log_guide, dtype=torch.double)

    @torch.no_grad()
    def sample(self, model: Program, num_samples: int, stable: bool = True) -> dict[str, Tensor]:
        """Choose draws for a model; the guide and the simulator are not run again.

        :param model: A program without arguments, with the latent sites of the guide.
        :param num_samples: How many.
        :param stable: Whether a small change of the model exchanges few draws: each draw has one
            random number, used in all calls, that decides with its weight how often it is taken.
            Give False for independent draws.
        :return: Values of all sites, of the shape ``(num_samples,) + shape of the site``.
        :raises InferenceError: if the latent sites of model and guide differ.
        """
        model_trace = self._run(ReplayMessenger(self._guide_trace)(model))
        names = [{n for n, s in t.nodes.items() if is_latent(s)} for t in self._traces(model_trace)]
        if names[0] != names[1]:
            raise InferenceError(
                f"Resampler: the model has the latent sites {sorted(names[0])}, but the guide has "
                f"{sorted(names[1])}; they must be the same"
            )
        log_weights = self._log_prob(model_trace) - self._log_guide
        weights = log_weights.double().softmax(-1)
        if stable:
            copies = _numbers_of_copies(weights, self._uniforms, num_samples)
            chosen = torch.arange(len(copies), device=copies.device).repeat_interleave(copies)
        else:
            chosen = weights.multinomial(num_samples, replacement=True)
        return {name: value[chosen] for name, value in self._samples.items()}

    def _traces(self, model_trace: Trace) -> tuple[Trace, Trace]:
        return model_trace, self._guide_trace

    def _run(self, program: Program) -> Trace:
        plate = PlateMessenger("_num_guide_samples", self.num_guide_samples, dim=self._dim)
        with TraceMessenger() as traced, plate:
            program()
        return traced.trace

    def _log_prob(self, trace: Trace) -> Tensor:
        scores = (site_log_prob(trace.nodes, site) for site in scored_sites(trace))
        return sum_by_particle(scores, self._dim, self.num_guide_samples)

    def _leftmost(self, value: Tensor, event_dim: int) -> Tensor:
        """A value of all draws as a stack of the site's own values."""
        dim = self._dim - event_dim
        if value.dim() < -dim:
            return value.expand((self.num_guide_samples, *value.shape))
        return value.movedim(dim, 0)


def _numbers_of_copies(weights: Tensor, uniforms: Tensor, total: int) -> Tensor:
    r"""How often each draw is taken: :math:`\lfloor c\, w_j + u_j \rfloor`, for the largest c at
    which not more than ``total`` are taken."""
    low, high = 0.0, float(total + len(weights))
    for _ in range(60):
        middle = (low + high) / 2
        fits = int((middle * weights + uniforms).floor().sum()) <= total
        low, high = (middle, high) if fits else (low, middle)
    return (low * weights + uniforms).floor().long()
