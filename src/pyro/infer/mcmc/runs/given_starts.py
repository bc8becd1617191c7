"""Starts of chains that the user gives."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pyro.errors import ShapeError
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.mcmc_kernel import Params
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.posterior import Posterior
from pyro.infer.model.start import fault


def one_start(given: Mapping[str, Tensor] | str | None, chains: int) -> Params | None:
    """The values for the first chain, if values are given.

    :raises ShapeError: if there are several chains, and not a value for each.
    """
    if given is None or isinstance(given, str):
        return None
    if chains == 1:
        return dict(given)
    for name, value in given.items():
        if value.shape[:1] != (chains,):
            raise ShapeError(
                f"initial_params[{name!r}] has shape {tuple(value.shape)}; for {chains} chains "
                f"the leftmost dim is {chains}, one start for each chain"
            )
    return {name: value[0] for name, value in given.items()}


def all_starts(
    posterior: Posterior, density: LogDensity, given: Mapping[str, Tensor], chains: int
) -> Tensor:
    """The points where chains start, of shape ``(chains, dim)``, in double precision.

    :param density: That of the posterior, in the fastest form.
    :raises ShapeError: if a site has no value, or one of another shape.
    :raises InferenceError: if density or gradient are not finite there; it says at which sites.
    """
    _check_shapes(posterior, given, chains)
    starts = posterior.flat.flatten(given).detach().double().reshape(chains, posterior.dim)
    values, gradients = density.value_and_grad(starts.to(posterior.reference))
    valid = values.isfinite() & gradients.isfinite().all(-1)
    for chain in (~valid).nonzero().flatten().tolist():
        what = _fault(posterior, starts[chain].to(posterior.reference), float(values[chain]))
        raise InferenceError(
            f"initial_params: chain {chain} cannot start where they say: {what}. They are "
            "unconstrained values; give others, or values of the sites themselves by "
            "init_strategy=init_to_value(values=...)"
        )
    return starts


def _fault(posterior: Posterior, point: Tensor, value: float) -> str:
    if isinstance(posterior, ModelDensity):
        return fault(posterior, point)
    return f"the potential energy is {-value:g}, and it and its gradient must be finite"


def _check_shapes(posterior: Posterior, given: Mapping[str, Tensor], chains: int) -> None:
    lead = (chains,) if chains > 1 else ()
    wanted = {name: lead + tuple(p.shape) for name, p in posterior.flat.places.items()}
    for name, shape in wanted.items():
        if name not in given:
            raise ShapeError(
                f"initial_params has no value for site {name!r}; unconstrained values are wanted "
                f"of the shapes {wanted}, but got {list(given)}"
            )
        if tuple(given[name].shape) != shape:
            raise ShapeError(
                f"initial_params[{name!r}] has shape {tuple(given[name].shape)}, and the "
                f"unconstrained value of the site has shape {shape}"
            )
