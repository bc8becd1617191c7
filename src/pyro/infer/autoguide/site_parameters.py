"""The parameters of a site, of the size of all data."""

from __future__ import annotations

from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.ops.periodic import periodic_repeat
from pyro.runtime import Message


def for_all_data(site: Message, value: Tensor, event_dim: int) -> Tensor:
    """An initial value for the subsample of the prototype run, repeated for all data.

    :param event_dim: How many of the rightmost dims of ``value`` are no plate's.
    """
    for frame in site["cond_indep_stack"]:
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
