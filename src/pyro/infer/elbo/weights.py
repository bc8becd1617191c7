"""Importance weights of particles that were run in a loop or all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.elbo.scoring import is_pathwise, log_prob, score_parts, scored_sites
from pyro.poutine.trace_struct import Trace


class Weights(NamedTuple):
    r"""For each particle :math:`\log p(x, z)`, :math:`\log q(z)`, and the log-probability of those
    draws whose gradient is not pathwise (None if there are none); of shape ``(particles,)``."""

    log_p: Tensor
    log_q: Tensor
    scores: Tensor | None

    @property
    def log_w(self) -> Tensor:
        r"""The log-weights :math:`\log p(x, z) - \log q(z)`."""
        return self.log_p - self.log_q


def sum_by_particle(terms: Iterable[Tensor], dim: int | None, particles: int) -> Tensor:
    """Sum all terms but for the batch dim of the particles.

    :param dim: The negative dim; None if the terms are those of one particle.
    :return: Of shape ``(particles,)``.
    """
    total: Tensor | None = None
    for term in terms:
        if dim is not None and term.dim() >= -dim and term.shape[dim] == particles:
            part = term.movedim(dim, 0).reshape(particles, -1).sum(-1)
        else:
            part = term.sum()
        total = part if total is None else total + part
    if total is None:
        return torch.zeros(particles)
    return total.expand(particles)


def weigh(
    pairs: Sequence[tuple[Trace, Trace]], dim: int | None, particles: int, max_plate_nesting: float
) -> Weights:
    """The weights of particles, from traces of the model and the guide.

    :param pairs: One pair per particle, or one for all.
    :param dim: The batch dim of the particles if there is one pair for all, else None.
    """
    size = particles if len(pairs) == 1 else 1
    parts = [_weigh_pair(*pair, dim, size, max_plate_nesting) for pair in pairs]
    scores = [part.scores for part in parts if part.scores is not None]
    if scores and len(scores) < len(parts):  # particles may take different branches
        scores = [torch.zeros_like(p.log_p) if p.scores is None else p.scores for p in parts]
    return Weights(
        torch.cat([part.log_p for part in parts]),
        torch.cat([part.log_q for part in parts]),
        torch.cat(scores) if scores else None,
    )


def _weigh_pair(
    model_trace: Trace, guide_trace: Trace, dim: int | None, particles: int, nesting: float
) -> Weights:
    log_p = [log_prob(model_trace, site, nesting) for site in scored_sites(model_trace)]
    log_q, scores = [], []
    for site in scored_sites(guide_trace):
        if is_pathwise(site):
            log_q.append(log_prob(guide_trace, site, nesting))
            continue
        score_parts(guide_trace, site, nesting)
        log_q.append(site["log_prob"])
        if isinstance(site["score_parts"].score_function, Tensor):
            scores.append(site["score_parts"].score_function)
    return Weights(
        sum_by_particle(log_p, dim, particles),
        sum_by_particle(log_q, dim, particles),
        sum_by_particle(scores, dim, particles) if scores else None,
    )
