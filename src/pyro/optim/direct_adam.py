"""Adam steps without torch's per-step bookkeeping: the same kernels on lists prepared once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer

from pyro.optim.unmarked import is_hooked

_PLAIN = ("amsgrad", "maximize", "capturable", "differentiable")


class _Bucket:
    """Parameters of one group, device and dtype, with their state."""

    __slots__ = ("first", "group", "kernel", "params", "second", "steps")

    def __init__(self, group: dict[str, Any], params: list[Tensor], state: Any) -> None:
        self.group = group
        self.params = params
        self.first = [state[p]["exp_avg"] for p in params]
        self.second = [state[p]["exp_avg_sq"] for p in params]
        self.steps = [state[p]["step"] for p in params]
        decoupled = group.get("decoupled_weight_decay", False)
        self.kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_


class DirectAdam:
    """Steps a ``torch.optim.Adam`` or ``AdamW`` by calling torch's fused kernel on cached lists.

    State and parameter groups stay where torch keeps them, so schedulers and ``state_dict`` see no
    difference. Whatever the fused kernel cannot do exactly is left to ``otherwise``: a missing or
    strided gradient, step hooks, a learning rate that is a tensor.

    :param optimizer: The optimiser.
    :param otherwise: Takes one step of the optimiser in torch's own way.
    """

    def __init__(self, optimizer: Optimizer, otherwise: Callable[[], None]) -> None:
        self._optimizer = optimizer
        self._otherwise = otherwise
        self._buckets: list[_Bucket] | None = None
        self._state: Any = None
        self._groups: Any = None

    @staticmethod
    def supports(optimizer: Optimizer) -> bool:
        """Whether an optimiser is Adam or AdamW with the fused kernel in all its groups."""
        return (
            type(optimizer) in (Adam, AdamW)
            and hasattr(torch, "_fused_adam_")
            and hasattr(torch, "_fused_adamw_")
            and all(
                group["fused"] and not any(group[key] for key in _PLAIN)
                for group in optimizer.param_groups
            )
        )

    def __call__(self) -> None:
        optimizer = self._optimizer
        buckets = self._buckets
        if (
            buckets is None
            or optimizer.state is not self._state
            or optimizer.param_groups is not self._groups
            or is_hooked(optimizer)
        ):
            self._otherwise()
            self._prepare()
            return
        gradients = [_gradients(bucket) for bucket in buckets]
        if None in gradients:
            self._otherwise()
            return
        with torch.no_grad():
            for bucket, grads in zip(buckets, gradients, strict=True):
                assert grads is not None
                _update(bucket, grads)
        optimizer._opt_called = True  # type: ignore[attr-defined]  # what schedulers look at

    def _prepare(self) -> None:
        """Collect the lists, once every parameter has its state."""
        optimizer = self._optimizer
        self._buckets = None
        if not all(optimizer.state.get(p) for g in optimizer.param_groups for p in g["params"]):
            return
        self._buckets = [
            _Bucket(group, params, optimizer.state)
            for group in optimizer.param_groups
            for params in _by_kind(group["params"])
        ]
        self._state, self._groups = optimizer.state, optimizer.param_groups


def _update(bucket: _Bucket, grads: list[Tensor]) -> None:
    group = bucket.group
    beta1, beta2 = group["betas"]
    torch._foreach_add_(bucket.steps, 1)
    bucket.kernel(
        bucket.params,
        grads,
        bucket.first,
        bucket.second,
        [],
        bucket.steps,
        lr=group["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )


def _gradients(bucket: _Bucket) -> list[Tensor] | None:
    """The gradients, or None if the kernel cannot take them."""
    if isinstance(bucket.group["lr"], Tensor) or isinstance(bucket.group["betas"][0], Tensor):
        return None
    grads = [p.grad for p in bucket.params]
    for grad in grads:
        if grad is None or not grad.is_contiguous():
            return None
    return grads  # type: ignore[return-value]


def _by_kind(params: Sequence[Tensor]) -> list[list[Tensor]]:
    found: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for p in params:
        found.setdefault((p.device, p.dtype), []).append(p)
    return list(found.values())
