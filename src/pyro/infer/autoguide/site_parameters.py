"""The parameters of a site, of the size of all data."""

from __future__ import annotations

from torch import Tensor

from pyro.infer.autoguide.constrained import SitePlan
from pyro.infer.errors import InferenceError
from pyro.ops.periodic import periodic_repeat


def for_all_data(plan: SitePlan, value: Tensor, event_dim: int | None = None) -> Tensor:
    """An initial value for the subsample of the prototype run, repeated for all data.

    :param event_dim: That of ``value``; by default of an unconstrained value.
    """
    if event_dim is None:
        event_dim = plan.unconstrained_event_dim
    for frame in plan.site["cond_indep_stack"]:
        if frame.dim is not None and frame.full_size not in (None, -1, frame.size):
            assert frame.full_size is not None
            value = periodic_repeat(value, frame.full_size, frame.dim - event_dim)
    return value.contiguous()


def check_init_scale(init_scale: float) -> float:
    """Refuse a standard deviation that is not positive.

    :raises InferenceError: naming the argument.
    """
    if not init_scale > 0:
        raise InferenceError(f"init_scale must be positive, but got {init_scale!r}")
    return init_scale
