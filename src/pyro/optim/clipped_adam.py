"""Adam with clipped gradients and a decaying learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pyro.optim.adam_kernel import AdamOptions, adam_hat_
from pyro.optim.closure import evaluate


class ClippedAdam(Optimizer):
    r"""Adam with every gradient element clamped, and a learning rate that decays at each step.

    Step :math:`k` first sets :math:`\alpha \leftarrow \alpha\,\mathrm{lrd}`, clamps the gradient in
    place, :math:`g \leftarrow \min(\max(g, -c), c)` elementwise, and then does the Adam update of
    :func:`pyro.optim.adam_kernel.adam_hat_` (Kingma & Ba 2015, end of section 2).

    :param params: Tensors, or dicts of tensors and options, as for any torch optimiser.
    :param lr: The learning rate :math:`\alpha`.
    :param betas: Decay rates of the running averages of gradient and squared gradient.
    :param eps: Added to the denominator.
    :param weight_decay: The L2 penalty's weight, added to the gradient after clamping.
    :param clip_norm: The bound :math:`c` on the absolute value of each element.
    :param lrd: The factor on the learning rate per step, e.g. ``0.1 ** (1 / num_steps)``.
    :param centered_variance: Whether :math:`v` averages :math:`(g - m)^2` in place of :math:`g^2`
        (Zhuang et al. 2020, AdaBelief).

    Example::

        >>> x = torch.zeros(2, requires_grad=True)
        >>> optimizer = ClippedAdam([x], lr=0.5, clip_norm=1.0, lrd=0.5)
        >>> x.grad = torch.tensor([1000.0, -0.5])
        >>> optimizer.step()
        >>> x.grad, optimizer.param_groups[0]["lr"]
        (tensor([ 1.0000, -0.5000]), 0.25)
        >>> x.detach()
        tensor([-0.2500,  0.2500])
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float = 10.0,
        lrd: float = 1.0,
        centered_variance: bool = False,
    ) -> None:
        _check(lr, betas, eps, clip_norm, lrd)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "clip_norm": clip_norm,
            "lrd": lrd,
            "centered_variance": centered_variance,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; ``closure`` re-evaluates the loss first."""
        loss = evaluate(closure)
        for group in self.param_groups:
            group["lr"] *= group["lrd"]
            for params in alike(self.state, group["params"]):
                self._update(group, params)
        return loss

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        grads: list[Tensor] = [p.grad for p in params]  # type: ignore[misc]
        torch._foreach_clamp_max_(grads, group["clip_norm"])
        torch._foreach_clamp_min_(grads, -group["clip_norm"])
        states = [self.state[p] for p in params]
        count = states[0]["step"] + 1
        for state in states:
            state["step"] = count
        first = [state["exp_avg"] for state in states]
        second = [state["exp_avg_sq"] for state in states]
        beta1, beta2 = group["betas"]
        options = AdamOptions(group["lr"], beta1, beta2, group["eps"], group["weight_decay"])
        adam_hat_(params, grads, first, second, count, options, group["centered_variance"])


def alike(state: Any, params: Iterable[Tensor]) -> list[list[Tensor]]:
    """Parameters that have a gradient, in lists of equal device, dtype and number of steps."""
    found: dict[tuple[int, torch.dtype, torch.device], list[Tensor]] = {}
    for p in params:
        if p.grad is None:
            continue
        own = state[p]
        if not own:
            own["step"] = 0
            own["exp_avg"] = torch.zeros_like(p)
            own["exp_avg_sq"] = torch.zeros_like(p)
        found.setdefault((own["step"], p.dtype, p.device), []).append(p)
    return list(found.values())


def _check(lr: float, betas: tuple[float, float], eps: float, clip_norm: float, lrd: float) -> None:
    if not (lr >= 0.0 and eps >= 0.0 and clip_norm > 0.0 and lrd > 0.0):
        raise ValueError(
            f"lr and eps must be at least 0, clip_norm and lrd positive; got lr={lr}, eps={eps}, "
            f"clip_norm={clip_norm}, lrd={lrd}"
        )
    if not all(0.0 <= beta < 1.0 for beta in betas):
        raise ValueError(f"betas must lie in [0, 1); got {betas}")
