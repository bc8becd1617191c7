"""Optimisers that differentiate the loss themselves, e.g. twice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pyro.errors import SiteError
from pyro.optim.optim import PyroOptim

Params = Mapping[str, Tensor]


class MultiOptimizer(ABC):
    """Updates parameters from a loss, which the optimiser differentiates as often as it needs."""

    @abstractmethod
    def get_step(self, loss: Tensor, params: Params) -> dict[str, Tensor]:
        """The updated values by name; nothing is changed.

        :param loss: A scalar that depends on ``params``.
        :param params: Unconstrained tensors by name.
        """

    def step(self, loss: Tensor, params: Params) -> None:
        """Update ``params`` in place."""
        updated = self.get_step(loss, params)
        with torch.no_grad():
            for name, value in updated.items():
                params[name].copy_(value)


class PyroMultiOptimizer(MultiOptimizer):
    """A :class:`~pyro.optim.optim.PyroOptim` as a :class:`MultiOptimizer`.

    :param optim: What updates the parameters, by their first derivatives.
    """

    def __init__(self, optim: PyroOptim) -> None:
        self.optim = optim

    def get_step(self, loss: Tensor, params: Params) -> dict[str, Tensor]:
        """The updated values; the optimiser's state advances."""
        before = [p.detach().clone() for p in params.values()]
        gradients = torch.autograd.grad(
            loss, list(params.values()), retain_graph=True, allow_unused=True
        )
        for p, gradient in zip(params.values(), gradients, strict=True):
            p.grad = gradient
        self.optim(dict(params))
        after = {name: p.detach().clone() for name, p in params.items()}
        with torch.no_grad():
            for p, value in zip(params.values(), before, strict=True):
                p.copy_(value)
                p.grad = None
        return after


class TorchMultiOptimizer(PyroMultiOptimizer):
    """A torch optimiser as a :class:`MultiOptimizer`.

    :param optim_constructor: A class in ``torch.optim``.
    :param optim_args: Its keyword arguments.
    """

    def __init__(
        self, optim_constructor: Callable[..., Optimizer], optim_args: Mapping[str, Any]
    ) -> None:
        super().__init__(PyroOptim(optim_constructor, optim_args))


class MixedMultiOptimizer(MultiOptimizer):
    """Several optimisers, each for its own parameters.

    :param parts: Pairs of parameter names and a :class:`MultiOptimizer` or
        :class:`~pyro.optim.optim.PyroOptim`; no name may occur twice.
    """

    def __init__(self, parts: Sequence[tuple[Sequence[str], MultiOptimizer | PyroOptim]]) -> None:
        names = [name for part, _ in parts for name in part]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SiteError(f"parameters {twice} are given to more than one optimizer")
        self.parts = [
            (list(part), PyroMultiOptimizer(optim) if isinstance(optim, PyroOptim) else optim)
            for part, optim in parts
        ]

    def get_step(self, loss: Tensor, params: Params) -> dict[str, Tensor]:
        """The updated values of all parts, each computed from the values before.

        :raises SiteError: if a parameter belongs to no part.
        """
        known = {name for part, _ in self.parts for name in part}
        if params.keys() - known:
            raise SiteError(f"no optimizer was given for {sorted(params.keys() - known)}")
        updated: dict[str, Tensor] = {}
        for part, optim in self.parts:
            own = {name: params[name] for name in part if name in params}
            if own:
                updated.update(optim.get_step(loss, own))
        return updated


class Newton(MultiOptimizer):
    r"""Newton steps, independently for each parameter and each of its batch elements.

    The rightmost dimension (if any) is one vector :math:`x`; with gradient :math:`g` and Hessian
    :math:`H = V \operatorname{diag}(\lambda) V^\top` of the loss in it,

    .. math:: x \leftarrow x - V \operatorname{diag}(1 / |\lambda|) V^\top g,

    which descends where the loss is not convex, too. Batch elements must not interact in the loss.

    :param trust_radii: By parameter name: the most that :math:`x` may move, in Euclidean norm.
    """

    def __init__(self, trust_radii: Mapping[str, float] | None = None) -> None:
        self.trust_radii = dict(trust_radii or {})

    def get_step(self, loss: Tensor, params: Params) -> dict[str, Tensor]:
        """The updated values by name."""
        return {
            name: p.detach() - _newton(loss, p, self.trust_radii.get(name))
            for name, p in params.items()
        }


def _newton(loss: Tensor, p: Tensor, radius: float | None) -> Tensor:
    (g,) = torch.autograd.grad(loss, p, create_graph=True)
    shape = p.shape if p.ndim else (1,)
    g = g.reshape(shape)
    rows = []
    for i in range(shape[-1]):
        if g.requires_grad:
            row = torch.autograd.grad(
                g[..., i].sum(), p, retain_graph=True, allow_unused=True, materialize_grads=True
            )[0]
        else:
            row = torch.zeros_like(p)
        rows.append(row.reshape(shape))
    hessian = torch.stack(rows, -1).detach()
    values, vectors = torch.linalg.eigh(0.5 * (hessian + hessian.mT))
    tiny = torch.finfo(p.dtype).eps
    along = (vectors.mT @ g.detach()[..., None])[..., 0] / values.abs().clamp(min=tiny)
    move = (vectors @ along[..., None])[..., 0]
    if radius is not None:
        norm = move.norm(dim=-1, keepdim=True).clamp(min=tiny)
        move = move * (radius / norm).clamp(max=1.0)
    result: Tensor = move.reshape(p.shape)
    return result
