"""One path: the best normal approximation along an ascent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyro.infer.model.logdensity import LogDensity
from pyro.infer.pathfinding.inverse_hessian import LowRankNormal, normals
from pyro.infer.pathfinding.lbfgs import ascend


@dataclass(frozen=True)
class Path:
    """The approximation of one path, with draws from it.

    :param normal: In unconstrained coordinates.
    :param elbo: Its evidence lower bound, up to the unknown constant of the density.
    :param draws: Of shape ``(num_draws, dim)``.
    :param log_weights: Log density less that of ``normal``, at the draws.
    :param steps: How many steps the ascent took.
    """

    normal: LowRankNormal
    elbo: float
    draws: Tensor
    log_weights: Tensor
    steps: int


def single_path(
    density: LogDensity,
    start: Tensor,
    *,
    num_draws: int,
    num_elbo_draws: int,
    history: int,
    max_iterations: int,
    tolerance: float,
    generator: torch.Generator,
) -> Path | None:
    """Climb from ``start`` and take the normal law with the highest ELBO on the way.

    See algorithm 1 of the paper.

    :return: None if no step was made from which a covariance follows.
    """
    trajectory = ascend(
        density, start, history=history, max_iterations=max_iterations, tolerance=tolerance
    )
    candidates = normals(trajectory, history)
    best: tuple[float, LowRankNormal] | None = None
    for normal in candidates:
        _, log_weights = _weighed(density, normal, num_elbo_draws, generator)
        elbo = float(log_weights.mean())
        if elbo == elbo and (best is None or elbo > best[0]):
            best = elbo, normal
    if best is None:
        return None
    draws, log_weights = _weighed(density, best[1], num_draws, generator)
    return Path(best[1], best[0], draws, log_weights, len(trajectory.points) - 1)


def _weighed(
    density: LogDensity, normal: LowRankNormal, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draws, and their log importance weights; minus infinity where the density has no value."""
    draws, log_q = normal.draw(count, generator)
    log_weights = density.value(draws).double() - log_q
    return draws, log_weights.nan_to_num(nan=-float("inf"))
