"""Random choices, observations, and terms of the log density."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from pyro.distributions.delta import Delta
from pyro.distributions.feasible import fill_masked
from pyro.distributions.unit import Unit
from pyro.errors import ShapeError, SiteError
from pyro.poutine.mask_messenger import MaskMessenger
from pyro.poutine.observation import as_observation
from pyro.runtime import STATE, Infer, Message, apply_stack, get_plates


def sample(
    name: str,
    fn: Callable[..., Any],
    *args: Any,
    obs: Any = None,
    obs_mask: torch.Tensor | bool | None = None,
    infer: Infer | None = None,
    **kwargs: Any,
) -> Any:
    """Draw from a distribution, or score an observation under it, as a named site.

    :param name: Unique among the sites of one run.
    :param fn: A distribution; further arguments are passed on to it.
    :param obs: The observed value: a tensor, array or number. None leaves the site latent.
    :param obs_mask: Bool, broadcasts to the batch shape: which elements of ``obs`` count. The
        others are latent, in a site named ``name + "_unobserved"``.
    :param infer: Options for inference algorithms, such as ``{"enumerate": "parallel"}``.
    :return: The value: shape ``fn.batch_shape + fn.event_shape``, batch dims expanded to the
        plates around the site.
    :raises SiteError: if ``fn`` is not a distribution.

    Example::

        >>> def model(data):
        ...     x = sample("x", dist.Bernoulli(0.5))
        ...     sample("data", dist.Normal(x, 1.0), obs=data)
        >>> poutine.trace(model).get_trace(0.3).nodes["data"]["value"]
        tensor(0.3000)
    """
    if obs is None and obs_mask is None and not STATE.stack and callable(fn):
        return fn(*args, **kwargs)
    if obs_mask is not None:
        return _partly_observed(name, fn, args, kwargs, obs, obs_mask, infer)
    if obs is not None:
        obs = as_observation(obs, fn)
    if not callable(fn):
        raise SiteError(
            f"sample site {name!r}: expected a distribution, but got {type(fn).__name__}: {fn!r}. "
            "Write pyro.sample(name, distribution, obs=value)."
        )
    if not STATE.stack:
        if not (infer and (infer.get("_deterministic") or infer.get("is_auxiliary"))):
            warnings.warn(
                f"trying to observe a value outside of inference at {name}",
                RuntimeWarning,
                stacklevel=2,
            )
        return obs
    infer = {} if infer is None else infer.copy()
    is_observed = infer.pop("is_observed", None)
    msg: Message = {
        "type": "sample",
        "name": name,
        "fn": fn,
        "is_observed": obs is not None if is_observed is None else is_observed,
        "args": args,
        "kwargs": kwargs,
        "value": obs,
        "infer": infer,
        "scale": 1.0,
        "mask": None,
        "cond_indep_stack": (),
        "done": False,
        "stop": False,
        "continuation": None,
    }
    apply_stack(msg)
    return msg["value"]


def deterministic(name: str, value: torch.Tensor, event_dim: int | None = None) -> torch.Tensor:
    """Record a computed value as a site that does not change the density.

    :param event_dim: How many of the rightmost dims are not batch dims; by default all.

    Example::

        >>> deterministic("slope", torch.tensor(3.0) / 2)
        tensor(1.5000)
    """
    value = as_observation(value, None)
    fn = Delta(value, event_dim=value.dim() if event_dim is None else event_dim).mask(False)
    result: torch.Tensor = sample(name, fn, obs=value, infer={"_deterministic": True})
    return result


def factor(name: str, log_factor: torch.Tensor | float, *, has_rsample: bool | None = None) -> None:
    """Add an arbitrary term to the log density.

    :param log_factor: The term, of the batch shape of the plates around it.
    :param has_rsample: Needed in guides: whether the term is differentiable in the guide's
        parameters (True) or a score function estimator must be used (False).

    Example::

        >>> def model():
        ...     x = sample("x", dist.Normal(0.0, 1.0))
        ...     factor("near_one", -((x - 1.0) ** 2))
    """
    fn = Unit(as_observation(log_factor, None), has_rsample=has_rsample)
    sample(name, fn, obs=fn.sample(), infer={"is_auxiliary": True})


def _partly_observed(
    name: str,
    fn: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    obs: Any,
    obs_mask: torch.Tensor | bool,
    infer: Infer | None,
) -> Any:
    """Split a site into an observed, a latent and a deterministic one."""
    obs = as_observation(obs, fn)
    mask = _check_obs_mask(name, fn, obs, obs_mask)
    if obs is not None:
        obs = fill_masked(fn, obs, mask)
    with MaskMessenger(mask):
        observed = sample(f"{name}_observed", fn, *args, obs=obs, infer=infer, **kwargs)
    with MaskMessenger(~mask if isinstance(mask, torch.Tensor) else not mask):
        latent = sample(f"{name}_unobserved", fn, *args, infer=infer, **kwargs)
    where = torch.as_tensor(mask, device=latent.device)
    where = where.reshape(where.shape + (1,) * fn.event_dim)
    return deterministic(name, torch.where(where, observed, latent), event_dim=fn.event_dim)


def _check_obs_mask(
    name: str, fn: Any, obs: Any, obs_mask: torch.Tensor | bool
) -> torch.Tensor | bool:
    if isinstance(obs_mask, bool):
        return obs_mask
    mask = torch.as_tensor(obs_mask)
    try:
        torch.broadcast_shapes(mask.shape, *_batch_shapes(fn, obs))
        fits = mask.dtype == torch.bool
    except RuntimeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"Invalid obs_mask shape or dtype at site {name!r}: {tuple(mask.shape)}, {mask.dtype}; "
            "expected a BoolTensor that broadcasts with the batch shapes of distribution, plates "
            f"and observation: {', '.join(map(str, map(tuple, _batch_shapes(fn, obs))))}"
        )
    return mask


def _batch_shapes(fn: Any, obs: Any) -> list[tuple[int, ...]]:
    """The batch shapes of a distribution, of the plates around, and of an observation."""
    sizes = {frame.dim: frame.size for frame in get_plates() if frame.dim is not None}
    plates = tuple(max(1, sizes.get(dim, 1)) for dim in range(min(sizes, default=0), 0))
    shapes = [tuple(fn.batch_shape), plates]
    return shapes if obs is None else [*shapes, tuple(obs.shape[: obs.dim() - fn.event_dim])]
