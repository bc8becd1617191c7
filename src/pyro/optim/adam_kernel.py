"""The Adam update of many tensors in as few kernels as possible."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

_FUSED = getattr(torch, "_fused_adam_", None)


class AdamOptions(NamedTuple):
    """Learning rate, decay rates of the two moments, constant in the denominator, L2 penalty."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float


def adam_hat_(
    params: list[Tensor],
    grads: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: int,
    options: AdamOptions,
    centered: bool = False,
) -> None:
    r"""Update parameters and moments in place, all at the same step count :math:`k`.

    The form with :math:`\hat\epsilon` (Kingma & Ba 2015, end of section 2):

    .. math::

        g &\leftarrow g + \lambda x, \quad
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \\
        x &\leftarrow x - \alpha \frac{\sqrt{1 - \beta_2^k}}{1 - \beta_1^k}
            \frac{m}{\sqrt v + \hat\epsilon}.

    If ``centered``, :math:`v` averages :math:`(g - m)^2` (Zhuang et al. 2020, AdaBelief).
    """
    correction2 = math.sqrt(1.0 - options.beta2**step)
    fused = _FUSED is not None and not centered
    if fused and all(map(_walkable, params)) and all(map(_walkable, grads)):
        # The fused kernel has sqrt(v) / correction2 + eps in its denominator.
        eps = options.eps / correction2
        _fused(params, grads, first, second, step, options._replace(eps=eps))
        return
    if options.weight_decay != 0.0:
        grads = list(torch._foreach_add(grads, params, alpha=options.weight_decay))
    torch._foreach_lerp_(first, grads, 1.0 - options.beta1)
    torch._foreach_mul_(second, options.beta2)
    deviations = list(torch._foreach_sub(grads, first)) if centered else grads
    torch._foreach_addcmul_(second, deviations, deviations, 1.0 - options.beta2)
    denominator = torch._foreach_sqrt(second)
    torch._foreach_add_(denominator, options.eps)
    size = options.lr * correction2 / (1.0 - options.beta1**step)
    torch._foreach_addcdiv_(params, first, denominator, -size)


def _fused(
    params: list[Tensor],
    grads: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: int,
    options: AdamOptions,
) -> None:
    count = torch.full((), float(step), device=params[0].device)
    torch._fused_adam_(
        params,
        grads,
        first,
        second,
        [],
        [count] * len(params),
        lr=options.lr,
        beta1=options.beta1,
        beta2=options.beta2,
        weight_decay=options.weight_decay,
        eps=options.eps,
        amsgrad=False,
        maximize=False,
    )


def _walkable(x: Tensor) -> bool:
    return x.is_contiguous() and x.dtype in (torch.float32, torch.float64) and not x.is_sparse
