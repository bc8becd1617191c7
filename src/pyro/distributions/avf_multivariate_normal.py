"""The multivariate normal distribution with adaptive velocity fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch import MultivariateNormal
from pyro.distributions.torch_family import torch_family
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape
from pyro.ops.triangular import matvec


@torch_family
class AVFMultivariateNormal(MultivariateNormal):
    r""":math:`f(x) \propto \exp(-\tfrac12 (x-\mu)^\top (L L^\top)^{-1} (x-\mu))`

    A multivariate normal whose gradients for ``scale_tril`` have a variance that can be learnt
    away: to the derivative of :math:`\mu + L\varepsilon` comes a rotation, which changes nothing
    in the mean, weighted by :math:`B^\top C`.  The gradient of ``control_var`` is that of half the
    sum of squares of the gradients for ``scale_tril``, whatever the loss: an optimiser that also
    steps ``control_var`` makes the variance small.

    Jankowiak and Karaletsos (2019), *Pathwise Derivatives for Multivariate Distributions*.

    :param loc: :math:`\mu`, real, of shape ``batch_shape + (n,)``.
    :param scale_tril: :math:`L`, lower triangular with positive diagonal, of shape
        ``batch_shape + (n, n)``.  The support are real vectors.
    :param control_var: :math:`B` and :math:`C`, real, of shape ``(2, m, n)`` for any :math:`m`, or
        ``batch_shape + (2, m, n)``.
    :raises ShapeError: if the shapes do not fit together.

    Example::

        >>> control_var = torch.full((2, 1, 3), 0.1, requires_grad=True)
        >>> tril = torch.eye(3, requires_grad=True)
        >>> d = dist.AVFMultivariateNormal(torch.zeros(3), tril, control_var)
        >>> d.rsample().square().sum().backward()
        >>> tril.grad.shape, control_var.grad.shape
        (torch.Size([3, 3]), torch.Size([2, 1, 3]))
    """

    arg_constraints = {
        "loc": tc.real_vector,
        "scale_tril": tc.lower_cholesky,
        "control_var": tc.independent(tc.real, 3),
    }

    def __init__(
        self,
        loc: Numeric,
        scale_tril: Numeric,
        control_var: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        loc, scale_tril, control_var = as_tensors(loc, scale_tril, control_var)
        if control_var.shape[-3:-2] != (2,) or control_var.shape[-1:] != loc.shape[-1:]:
            raise ShapeError(
                "AVFMultivariateNormal takes control_var of shape (..., 2, m, n) and loc of shape "
                f"(..., n), got {tuple(control_var.shape)} and {tuple(loc.shape)}"
            )
        batch = broadcast_shape(loc.shape[:-1], control_var.shape[:-3])
        self.control_var = control_var
        super().__init__(
            loc.expand(batch + loc.shape[-1:]), scale_tril=scale_tril, validate_args=validate_args
        )

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of the three parameters."""
        loc, tril, control = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        return broadcast_shape(loc[:-1], tril[:-2], control[:-3]), loc[-1:]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        if batch_shape == self._batch_shape:
            return self
        new: Any = type(self).__new__(type(self))
        new.control_var = self.control_var
        if "has_rsample" in self.__dict__:
            new.has_rsample = self.has_rsample
        return td.MultivariateNormal.expand(self, torch.Size(batch_shape), new)

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Draw, with gradients for all parameters; see above for that of ``control_var``."""
        shape, tril = self.shape(sample_shape), self._unbroadcasted_scale_tril
        normal = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        draws = self.loc + matvec(tril.detach(), normal)
        if not torch.is_grad_enabled():
            return draws
        b, c = self.control_var.unbind(-3)
        weight = b.mT @ c
        if tril.requires_grad:
            change = (tril - tril.detach()).tril()
            turned = weight.detach() * change
            turned = tril.detach() @ (turned - turned.mT)
            draws = draws + matvec(change + turned, normal)
        if weight.requires_grad:
            if weight.dim() > 2:
                weight = weight.expand(self._batch_shape + weight.shape[-2:])
            draws = _LearnsWeight.apply(draws, weight, tril.detach(), normal)  # type: ignore[no-untyped-call]
        return draws


class _LearnsWeight(torch.autograd.Function):
    r"""The draws themselves; the weight gets the gradient of a sum of squares.

    With the gradient :math:`g` of one draw, :math:`h = L^\top g` and the weight :math:`M`, that for
    :math:`L_{ab}` is :math:`g_a\varepsilon_b + M_{ab}(h_a\varepsilon_b - h_b\varepsilon_a)`.  Half
    its square, summed over the draws and the lower triangle, is what is differentiated; the
    products of sums below avoid a matrix for each draw.
    """

    @staticmethod
    def forward(draws: Tensor, weight: Tensor, tril: Tensor, normal: Tensor) -> Tensor:
        return draws.view_as(draws)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: Tensor) -> Any:
        weight, tril, normal = ctx.saved_tensors
        batch = weight.shape[:-2]

        def summed(a: Tensor, b: Tensor) -> Tensor:
            a, b = (x.reshape((-1,) + batch + x.shape[-1:]).movedim(0, -1) for x in (a, b))
            return a @ b.mT

        h = matvec(tril.mT, g)
        g_h, g_e, h_e = g * h, g * normal, h * normal
        h_h, e_e = h.square(), normal.square()
        both = summed(h_h, e_e)
        slope = summed(g_h, e_e) - summed(g_e, h_e)
        curvature = both + both.mT - 2 * summed(h_e, h_e)
        return g, (slope + weight * curvature).tril(-1), None, None
