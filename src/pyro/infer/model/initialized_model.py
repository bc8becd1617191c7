"""What a sampler of one's own needs of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions.transforms import Transform

from pyro.infer.model.density import ModelDensity
from pyro.infer.model.initialization import Strategy, init_to_uniform
from pyro.infer.model.latents import LatentSite
from pyro.infer.model.start import find_start
from pyro.poutine.trace_struct import Trace

Params = dict[str, Tensor]


class InitializedModel(NamedTuple):
    """Starts, the potential energy, transforms to unconstrained values, and a trace."""

    initial_params: Params
    potential_fn: Callable[[Params], Tensor]
    transforms: dict[str, Transform]
    prototype_trace: Trace


def initialize_model(
    model: Callable[..., Any],
    model_args: tuple[Any, ...] = (),
    model_kwargs: Mapping[str, Any] | None = None,
    transforms: Mapping[str, Any] | None = None,
    max_plate_nesting: int | None = None,
    jit_compile: bool = False,
    jit_options: Mapping[str, Any] | None = None,
    skip_jit_warnings: bool = False,
    num_chains: int = 1,
    init_strategy: Strategy = init_to_uniform,
    initial_params: Params | None = None,
) -> InitializedModel:
    """What HMC, NUTS or a sampler of one's own needs of a model.

    :param model_args: Arguments of the model.
    :param model_kwargs: Keyword arguments of the model.
    :param transforms: Bijections from supports to unconstrained values, by name of site, in place
        of all the automatic ones.
    :param max_plate_nesting: How many batch dims plates occupy, where sites are summed out.
    :param jit_compile: Accepted and ignored, as are ``jit_options`` and ``skip_jit_warnings``.
    :param num_chains: With several, the initial values have the chains leftmost.
    :param init_strategy: How the initial values are chosen.
    :param initial_params: They, if they are known.
    :return: The initial values (unconstrained, by name); the potential energy of such values of one
        chain, minus the log density; the transforms; and a trace of the model.
    :raises InferenceError: if no valid start is found.

    Example::

        >>> from pyro.infer.mcmc import initialize_model
        >>> def model():
        ...     pyro.sample("x", dist.Exponential(1.0))
        >>> params, potential_fn, transforms, trace = initialize_model(model)
        >>> potential_fn({"x": torch.tensor(0.0)})  # exp(0) - 0
        tensor(1.)
        >>> transforms["x"].inv(torch.tensor(0.0))
        tensor(1.)
    """
    density = ModelDensity(
        model,
        *model_args,
        max_plate_nesting=max_plate_nesting,
        init=init_strategy,
        transforms=transforms,
        **(model_kwargs or {}),
    )

    def potential_fn(params: Params) -> Tensor:
        return -density.log_density(density.flat.flatten(params))

    if initial_params is None:
        found = [find_start(density, density, init_strategy) for _ in range(num_chains)]
        start = found[0] if num_chains == 1 else torch.stack(found)
        initial_params = density.flat.unflatten(start)
    chosen = (
        dict(transforms)
        if transforms is not None
        else {site.name: _to_unconstrained(site) for site in density.layout}
    )
    return InitializedModel(initial_params, potential_fn, chosen, density.prototype)


def _to_unconstrained(site: LatentSite) -> Transform:
    transform: Transform = site.transform.inv
    return transform
