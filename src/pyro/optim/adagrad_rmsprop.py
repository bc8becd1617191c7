"""The step-size schedule of automatic differentiation variational inference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pyro.optim.closure import evaluate


class AdagradRMSProp(Optimizer):
    r"""Step sizes between AdaGrad and RMSProp (Kucukelbir et al. 2017, *ADVI*, section 2.6).

    At step :math:`k = 1, 2, \ldots`, elementwise,

    .. math::

        s_k &= t\, g_k^2 + (1 - t)\, s_{k-1}, \quad s_1 = g_1^2, \\
        x &\leftarrow x - \eta\, k^{-1/2 + \delta} \frac{g_k}{1 + \sqrt{s_k}}.

    :param params: Tensors, or dicts of tensors and options, as for any torch optimiser.
    :param eta: The scale :math:`\eta` of the steps.
    :param delta: The exponent's small shift, which makes the steps satisfy Robbins and Monro.
    :param t: The weight of the newest squared gradient.

    Example::

        >>> x = torch.tensor(0.0, requires_grad=True)
        >>> optimizer = AdagradRMSProp([x], eta=1.0)
        >>> x.grad = torch.tensor(3.0)
        >>> optimizer.step()  # by 3 / (1 + 3)
        >>> x.detach()
        tensor(-0.7500)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        eta: float = 1.0,
        delta: float = 1e-16,
        t: float = 0.1,
    ) -> None:
        if not (eta >= 0.0 and delta >= 0.0 and 0.0 <= t <= 1.0):
            raise ValueError(
                f"eta and delta must be at least 0, t in [0, 1]; got {eta=}, {delta=}, {t=}"
            )
        super().__init__(params, {"eta": eta, "delta": delta, "t": t})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; ``closure`` re-evaluates the loss first."""
        loss = evaluate(closure)
        for group in self.param_groups:
            self._start(group)
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._update(group, params)
        return loss

    def _start(self, group: dict[str, Any]) -> None:
        for p in group["params"]:
            if p.grad is not None and not self.state[p]:
                self.state[p].update(step=0, sum=p.grad.square())

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        grads: list[Tensor] = [p.grad for p in params]  # type: ignore[misc]
        states = [self.state[p] for p in params]
        for state in states:
            state["step"] += 1
        sums = [state["sum"] for state in states]
        torch._foreach_mul_(sums, 1.0 - group["t"])
        torch._foreach_addcmul_(sums, grads, grads, group["t"])
        denominator = torch._foreach_sqrt(sums)
        torch._foreach_add_(denominator, 1.0)
        exponent = -0.5 + group["delta"]
        sizes = [-group["eta"] * state["step"] ** exponent for state in states]
        torch._foreach_addcdiv_(params, grads, denominator, sizes)
