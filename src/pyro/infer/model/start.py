"""Where chains start: points with a finite density and gradient."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import InitMessenger, Strategy, init_to_uniform
from pyro.infer.model.logdensity import LogDensity
from pyro.poutine.messenger import block_messengers
from pyro.poutine.sites import is_sample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_scoring import site_log_prob

TRIES = 100
_MANY = 16


def find_start(posterior: ModelDensity, density: LogDensity, strategy: Strategy) -> Tensor:
    """A point, chosen by a strategy, with a finite density and gradient.

    :param density: The density of the posterior that is evaluated (it may be compiled).
    :raises InferenceError: if 100 points have none; it says at which sites.
    """
    point = torch.zeros(posterior.dim)
    for _ in range(TRIES):
        values = _chosen(posterior, strategy)
        point = posterior.unconstrain(values)
        if is_valid(density, point):
            return point
    raise InferenceError(
        "Model specification seems incorrect - cannot find valid initial params. At the last of "
        f"{TRIES} points, {fault(posterior, point)}. Look at the supports and data of these "
        "sites, or give a start: init_strategy=init_to_value(values=...)"
    )


def find_starts(
    posterior: ModelDensity, density: LogDensity, strategy: Strategy, count: int
) -> Tensor:
    """Such points, of shape ``(count, dim)``.

    Of many points that are uniform in unconstrained coordinates, the model is run only for those at
    which the first try fails.
    """
    if count < _MANY or strategy is not init_to_uniform or posterior.transforms is not None:
        return torch.stack([find_start(posterior, density, strategy) for _ in range(count)])
    points = posterior.reference.new_empty(count, posterior.dim).uniform_(-2.0, 2.0)
    value, grad = density.value_and_grad(points)
    valid = value.isfinite() & grad.isfinite().all(-1)
    for i in valid.logical_not().nonzero()[:, 0].tolist():
        points[i] = find_start(posterior, density, strategy)
    return points


def is_valid(density: LogDensity, point: Tensor) -> bool:
    """Whether density and gradient are finite at a point."""
    value, grad = density.value_and_grad(point)
    return bool(torch.isfinite(value)) and bool(torch.isfinite(grad).all())


def _chosen(posterior: ModelDensity, strategy: Strategy) -> Mapping[str, Tensor]:
    """Values of the latent sites, chosen by running the model once."""
    with (
        block_messengers(lambda handler: True),
        torch.no_grad(),
        TraceMessenger() as traced,
        InitMessenger(strategy),
    ):
        posterior.model(*posterior.args, **posterior.kwargs)
    return {name: traced.trace.nodes[name]["value"] for name in posterior.layout.names}


def fault(posterior: ModelDensity, point: Tensor) -> str:
    """Which sites make the density at a point infinite or nan, in words."""
    with torch.no_grad():
        trace, given = posterior.run(posterior.layout.unflatten(point))
        found = [
            f"site {name!r} has log density {float(total):g}"
            for name, site in trace.nodes.items()
            if is_sample(site)
            and not torch.isfinite(total := site_log_prob(trace.nodes, site).sum())
        ]
        found += [
            f"the transform of site {name!r} has log determinant {float(total):g}"
            for name, log_det in given.log_dets.items()
            if not torch.isfinite(total := log_det.sum())
        ]
    if found:
        return "; ".join(found)
    grad = posterior.value_and_grad(point)[1]
    bad = [name for name, g in posterior.flat.unflatten(grad).items() if not g.isfinite().all()]
    return f"the density is finite, but the gradient is not, at the sites {bad}"
