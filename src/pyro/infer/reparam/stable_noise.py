"""The uniform and the exponential variable that a stable one is made of."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.distributions.exponential import Exponential
from pyro.distributions.uniform import Uniform
from pyro.infer.reparam.rewriting import Wrap, auxiliary
from pyro.ops.positive_stable import inside_open_interval
from pyro.ops.stable import standard_stable

_BISECTIONS = 60


class Noise(NamedTuple):
    """An angle, uniform, and a standard exponential number."""

    v: Tensor
    w: Tensor


def draw_noise(name: str, like: Tensor, wrap: Wrap, start: Noise | None = None) -> Noise:
    """The auxiliary sites ``<name>_uniform`` and ``<name>_exponential``.

    :param like: A parameter of the stable law, of its batch shape.
    """
    one = torch.ones_like(like)
    v, w = (None, None) if start is None else start
    half = one * (math.pi / 2)
    return Noise(
        auxiliary(f"{name}_uniform", wrap(Uniform(-half, half)), v),
        auxiliary(f"{name}_exponential", wrap(Exponential(one)), w),
    )


def stable_of_noise(stability: Tensor, skew: Tensor, noise: Noise) -> Tensor:
    """A standard stable variable."""
    return standard_stable(stability, skew, *inside_open_interval(*noise))


def noise_of_stable(fn: Any, x: Tensor) -> Noise | None:
    """Noise that makes a value, or None where none is found.

    The exponential is set to a likely number; the variable then increases with the angle.
    """
    with torch.no_grad():
        wide = [p.double() for p in (fn.stability, fn.skew, fn._center(), fn.scale, x)]
        stability, skew, center, scale, value = torch.broadcast_tensors(*wide)
        z = (value - center) / scale
        w = torch.where(stability > 1, 1 + z.square() / 4, 1.0)
        high = torch.full_like(z, math.pi / 2)
        low = -high
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            below = stable_of_noise(stability, skew, Noise(middle, w)) < z
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        noise = Noise(low.to(x.dtype), w.to(x.dtype))
        made = center + scale * stable_of_noise(stability, skew, Noise(low, w))
        return noise if torch.allclose(made, value, rtol=1e-3, atol=1e-4) else None
