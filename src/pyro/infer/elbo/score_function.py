"""Gradients through sites whose values are not differentiable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from pyro.infer.baselines import DecayingAverages, subtract_baseline
from pyro.infer.frame_sums import MultiFrameTensor
from pyro.runtime import Frame, Message

Term = tuple[tuple[Frame, ...], Tensor]


def score_function_surrogate(
    sites: Iterable[Message], terms: Iterable[Term], averages: DecayingAverages
) -> Tensor:
    r"""A scalar whose gradient is the score function part of an objective's gradient.

    .. math:: \sum_k \nabla \log q_k(z_k) \, (c_k - b_k)

    Here :math:`c_k` is the sum of those terms of the objective that may depend on :math:`z_k`: of
    the terms in a plate around site k only those at the same index (Rao-Blackwellisation); and
    :math:`b_k` is the baseline. See Ranganath, Gerrish and Blei (2014), *Black Box Variational
    Inference*.

    :param sites: Guide sites with ``score_parts``.
    :param terms: All terms of the objective, each with the plates around it.
    """
    costs = MultiFrameTensor(*((frames, term.detach()) for frames, term in terms))
    total: Any = 0.0
    for site in sites:
        cost = costs.sum_to(site["cond_indep_stack"])
        if cost is None:
            continue
        options = site["infer"].get("baseline")
        if options:
            cost, loss = subtract_baseline(site["name"], options, cost, averages)
            if loss is not None:
                total = total - loss
        total = total + (site["score_parts"].score_function * cost).sum()
    result: Tensor = total
    return result
