"""Control variates of score function estimators: the ``infer={"baseline": {...}}`` of a site."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError

OPTIONS = frozenset(
    {
        "use_decaying_avg_baseline",
        "baseline_beta",
        "nn_baseline",
        "nn_baseline_input",
        "baseline_value",
    }
)


class Baselined(NamedTuple):
    """A cost less its baseline, and the loss that trains the baseline."""

    cost: Tensor
    loss: Tensor | None


class DecayingAverages:
    r"""Exponentially decaying averages of the costs of sites, by site name.

    After :math:`t` steps the average of costs :math:`c_1, \ldots, c_t` is
    :math:`\frac{1 - \beta}{1 - \beta^t} \sum_s \beta^{t - s} c_s`; before the first it is zero.
    """

    def __init__(self) -> None:
        self.state: dict[str, tuple[Tensor, float]] = {}

    @property
    def are_used(self) -> bool:
        """Whether any cost has been taken in."""
        return bool(self.state)

    def subtract(self, name: str, cost: Tensor, beta: float) -> Tensor:
        """A cost less the average of the earlier ones, which then takes the cost in.

        When the shape has changed (a last, smaller batch), the earlier costs count as their mean.
        """
        weighted, weight = self.state.get(name, (torch.zeros_like(cost), 0.0))
        if weighted.shape != cost.shape:
            weighted = weighted.mean().expand(cost.shape)
        self.state[name] = (beta * weighted + (1 - beta) * cost, beta * weight + 1 - beta)
        return cost - weighted / weight if weight else cost


def subtract_baseline(
    name: str, options: dict[str, Any], cost: Tensor, averages: DecayingAverages
) -> Baselined:
    r"""The cost :math:`c - b` of a site, where :math:`b` does not depend on the site's value.

    :math:`b` is the sum of a decaying average of earlier costs (``use_decaying_avg_baseline``, with
    ``baseline_beta``) and of ``nn_baseline(nn_baseline_input)`` or ``baseline_value``; the latter
    two are trained by the loss :math:`\sum (c - b)^2`. See Mnih and Gregor (2014), *Neural
    Variational Inference and Learning in Belief Networks*.

    :param cost: Detached, of a shape that broadcasts to the site's batch shape.
    :raises InferenceError: on an unknown option, or if the baseline's shape does not fit the cost.
    """
    unknown = options.keys() - OPTIONS
    if unknown:
        raise InferenceError(
            f"site {name!r}: unknown baseline options {sorted(unknown)}; known are "
            f"{', '.join(sorted(OPTIONS))}"
        )
    reduced = cost
    if options.get("use_decaying_avg_baseline"):
        reduced = averages.subtract(name, cost, options.get("baseline_beta", 0.90))
    learned = _learned(options)
    if learned is None:
        return Baselined(reduced, None)
    _check_shape(name, learned, cost)
    residual = reduced - learned
    return Baselined(residual.detach(), residual.square().sum())


def _learned(options: dict[str, Any]) -> Tensor | None:
    network, value = options.get("nn_baseline"), options.get("baseline_value")
    if network is None:
        return value
    inputs = options.get("nn_baseline_input")
    if isinstance(inputs, Tensor):
        inputs = inputs.detach()
    result: Tensor = network(inputs)
    return result


def _check_shape(name: str, learned: Tensor, cost: Tensor) -> None:
    try:
        fits = torch.broadcast_shapes(learned.shape, cost.shape) == cost.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise InferenceError(
            f"site {name!r}: the baseline has shape {tuple(learned.shape)}, but the cost it is to "
            f"predict has shape {tuple(cost.shape)}: one number per element of the plates around "
            "the site. Squeeze the output of nn_baseline, or enclose the site in a plate."
        )
