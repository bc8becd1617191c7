"""Gradient clipping: by norm or value per parameter, or by one norm over parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pyro.errors import SiteError
from pyro.optim.arguments import Options

_KEYS = {"clip_norm", "clip_value", "global_clip_norm"}
Clip = Callable[[], None]


def make_clip(params: Sequence[Tensor], options: Sequence[Options]) -> Clip | None:
    r"""A function that clips the gradients of ``params`` in place; None if there is nothing to do.

    For each parameter with gradient :math:`g`, in this order:

    * ``clip_norm``: :math:`g \leftarrow g \min(1, c / (\|g\|_2 + 10^{-6}))`;
    * ``clip_value``: every element is clamped to :math:`[-c, c]`;
    * ``global_clip_norm``: as ``clip_norm``, with one norm over all parameters that have the same
      value of this option.

    :raises SiteError: if an option is unknown.
    """
    for entry in options:
        unknown = entry.keys() - _KEYS
        if unknown:
            raise SiteError(
                f"unknown clip_args {sorted(unknown)}; known are {', '.join(sorted(_KEYS))}"
            )
    steps = [
        (function, bound, members)
        for key, function in _FUNCTIONS.items()
        for bound, members in _members(params, options, key)
    ]
    if not steps:
        return None

    @torch.no_grad()
    def clip() -> None:
        for function, bound, members in steps:
            grads = [p.grad for p in members if p.grad is not None]
            if grads:
                function(grads, bound)

    return clip


def clipped(grads: Sequence[Tensor], options: Sequence[Options]) -> list[Tensor]:
    """The gradients that :func:`make_clip` would leave, as new tensors."""
    found = list(grads)
    for k, entry in enumerate(options):
        if (bound := entry.get("clip_norm")) is not None:
            found[k] = found[k] * (bound / (found[k].norm() + 1e-6)).clamp(max=1.0)
    for k, entry in enumerate(options):
        if (bound := entry.get("clip_value")) is not None:
            found[k] = found[k].clamp(-bound, bound)
    for bound in dict.fromkeys(e["global_clip_norm"] for e in options if _is_global(e)):
        which = [
            k for k, e in enumerate(options) if _is_global(e) and e["global_clip_norm"] == bound
        ]
        total = torch.stack([found[k].square().sum() for k in which]).sum().sqrt()
        factor = (bound / (total + 1e-6)).clamp(max=1.0)
        for k in which:
            found[k] = found[k] * factor
    return found


def _is_global(entry: Options) -> bool:
    return entry.get("global_clip_norm") is not None


def _members(
    params: Sequence[Tensor], options: Sequence[Options], key: str
) -> list[tuple[float, list[Tensor]]]:
    """Parameters by equal value of an option."""
    found: dict[float, list[Tensor]] = {}
    for p, entry in zip(params, options, strict=True):
        bound = entry.get(key)
        if bound is not None:
            found.setdefault(float(bound), []).append(p)
    return list(found.items())


def _by_norm(grads: list[Tensor], bound: float) -> None:
    norms = torch._foreach_norm(grads)
    torch._foreach_mul_(grads, [(bound / (norm + 1e-6)).clamp(max=1.0) for norm in norms])


def _by_value(grads: list[Tensor], bound: float) -> None:
    torch._foreach_clamp_max_(grads, bound)
    torch._foreach_clamp_min_(grads, -bound)


def _by_global_norm(grads: list[Tensor], bound: float) -> None:
    norm = torch.nn.utils.get_total_norm(grads)
    factor = (bound / (norm + 1e-6)).clamp(max=1.0)
    for grad in grads:
        grad.mul_(factor.to(grad.device))


_FUNCTIONS = {"clip_norm": _by_norm, "clip_value": _by_value, "global_clip_norm": _by_global_norm}
