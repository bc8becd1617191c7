"""Adam on a time series and, at once, on its discrete cosine transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pyro.optim.clipped_adam import _check
from pyro.optim.closure import evaluate


class DCTAdam(Optimizer):
    r"""Like :class:`~pyro.optim.clipped_adam.ClippedAdam`, with long-range moves along time.

    For a parameter :math:`x` with a time dimension, let :math:`D` be the orthonormal DCT-II along
    it. Adam is applied to :math:`x` with gradient :math:`g`, and to :math:`Dx` with gradient
    :math:`Dg`, each with its own moments; both steps are added,

    .. math:: x \leftarrow x - \alpha\left(a(g) + D^\top a(D g)\right),
        \qquad a = \frac{\sqrt{1 - \beta_2^k}}{1 - \beta_1^k}\frac{m}{\sqrt v + \epsilon},

    so that slow trends, which are single coefficients of :math:`Dx`, move as fast as single points.
    Parameters without a time dimension get a plain Adam step.

    :param params: Tensors, or dicts of tensors and options, as for any torch optimiser.
    :param lr: The learning rate :math:`\alpha`.
    :param betas: Decay rates of the running averages of gradient and squared gradient.
    :param eps: Added to the denominator.
    :param clip_norm: The bound on the absolute value of each element of the gradient.
    :param lrd: The factor on the learning rate per step.
    :param subsample_aware: If true, elements with a gradient of exactly 0 (outside of this step's
        subsample) keep value, moments and step count. Does not apply to parameters with a time
        dimension.
    :param dct_dim: The time dimension, counted from the right (negative), or None. It is typically
        given per parameter, by a callable ``optim_args``. A tensor's attribute ``_pyro_dct_dim``,
        where a program sets it, takes precedence.

    Example::

        >>> x = torch.zeros(4, requires_grad=True)
        >>> optimizer = DCTAdam([x], lr=0.1, dct_dim=-1)
        >>> x.grad = torch.tensor([1.0, 0.0, 0.0, 0.0])
        >>> optimizer.step()  # neighbours in time move along
        >>> x.detach()
        tensor([-0.2924,  0.0383, -0.0383, -0.0076])
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        clip_norm: float = 10.0,
        lrd: float = 1.0,
        subsample_aware: bool = False,
        dct_dim: int | None = None,
    ) -> None:
        _check(lr, betas, eps, clip_norm, lrd)
        if dct_dim is not None and dct_dim >= 0:
            raise ValueError(
                f"dct_dim is counted from the right and must be negative, got {dct_dim}"
            )
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "clip_norm": clip_norm,
            "lrd": lrd,
            "subsample_aware": subsample_aware,
            "dct_dim": dct_dim,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; ``closure`` re-evaluates the loss first."""
        loss = evaluate(closure)
        for group in self.param_groups:
            group["lr"] *= group["lrd"]
            for p in group["params"]:
                if p.grad is not None:
                    self._update(group, p, p.grad.clamp_(-group["clip_norm"], group["clip_norm"]))
        return loss

    def _update(self, group: dict[str, Any], p: Tensor, grad: Tensor) -> None:
        dim = getattr(p, "_pyro_dct_dim", group["dct_dim"])
        if dim is None:
            p.add_(self._adam(group, p, grad, group["subsample_aware"]), alpha=-group["lr"])
            return
        size = p.shape[dim]
        matrix = _dct_matrix(size, p.dtype, p.device)
        both = torch.cat([grad, _without_rounding(_along(grad, matrix, dim), dim)], dim)
        direct, cosine = self._adam(group, p, both, False).split(size, dim)
        p.add_(direct + _along(cosine, matrix.T, dim), alpha=-group["lr"])

    def _adam(self, group: dict[str, Any], p: Tensor, grad: Tensor, aware: bool) -> Tensor:
        """Update the moments and return the step of unit learning rate."""
        state = self.state[p]
        if not state:
            state["step"] = torch.zeros_like(grad) if aware else 0
            state["exp_avg"] = torch.zeros_like(grad)
            state["exp_avg_sq"] = torch.zeros_like(grad)
        beta1, beta2 = group["betas"]
        if not aware:
            return _advance(state, grad, beta1, beta2, group["eps"])
        seen = grad != 0
        kept = {key: value.clone() for key, value in state.items()}
        step = _advance(state, grad, beta1, beta2, group["eps"])
        for key, value in kept.items():
            state[key] = torch.where(seen, state[key], value)
        return step * seen


def _advance(state: dict[str, Any], grad: Tensor, beta1: float, beta2: float, eps: float) -> Tensor:
    state["step"] += 1
    first, second = state["exp_avg"], state["exp_avg_sq"]
    first.lerp_(grad, 1.0 - beta1)
    second.mul_(beta2).addcmul_(grad, grad, value=1.0 - beta2)
    correction = (1.0 - beta2 ** state["step"]) ** 0.5 / (1.0 - beta1 ** state["step"])
    step: Tensor = correction * first / (second.sqrt() + eps)
    return step


def _dct_matrix(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    r"""Row :math:`k`: :math:`\sqrt{2/n}\cos(\pi k (2 j + 1) / 2n)`, the first divided by root 2."""
    index = torch.arange(size, dtype=dtype, device=device)
    matrix = torch.cos(math.pi / (2 * size) * index[:, None] * (2 * index + 1))
    matrix *= math.sqrt(2.0 / size)
    matrix[0] /= math.sqrt(2.0)
    return matrix


def _without_rounding(coefficients: Tensor, dim: int) -> Tensor:
    """Coefficients that are zero up to rounding as exact zeros; Adam would blow them up."""
    size = coefficients.shape[dim] * torch.finfo(coefficients.dtype).eps
    largest = coefficients.abs().amax(dim, keepdim=True)
    return coefficients.where(coefficients.abs() > size * largest, torch.zeros_like(largest))


def _along(x: Tensor, matrix: Tensor, dim: int) -> Tensor:
    """Apply a matrix to one dimension."""
    return torch.movedim(torch.movedim(x, dim, -1) @ matrix.T, -1, dim)
