"""Block neural autoregressive flows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.distributions.transforms.flows.elu import ELUTransform
from pyro.distributions.transforms.flows.leaky_relu import LeakyReLUTransform
from pyro.distributions.transforms.flows.sequential import solve_in_order
from pyro.distributions.transforms.transform_module import FusedTransformModule
from pyro.nets.block_linear import MaskedBlockLinear
from pyro.ops.roots import solve_increasing

_ACTIVATIONS: dict[str, Any] = {
    "ELU": ELUTransform,
    "leaky_relu": LeakyReLUTransform,
    "sigmoid": tt.SigmoidTransform,
    "tanh": tt.TanhTransform,
}


class BlockAutoregressive(FusedTransformModule):
    r"""A network whose output :math:`y_i` depends on :math:`x_{\le i}`, increasing in :math:`x_i`.

    Each layer is linear and block triangular with positive blocks on the diagonal (De Cao et al.
    2019, *Block neural autoregressive flow*, section 3). With ``residual="normal"`` :math:`y = x +
    f(x)`, with ``"gated"`` :math:`y = g x + (1 - g) f(x)` for a learned :math:`g`.
    :math:`\log|\det J| = \sum_i \log \partial y_i / \partial x_i`. The inverse is a
    bisection for each dimension; with a bounded activation and no residual the flow is not onto,
    and a value outside of its range has no inverse.

    :param input_dim: The length of :math:`x`.
    :param hidden_factors: How many units each hidden layer has for each variable.
    :param activation: ``"tanh"``, ``"sigmoid"``, ``"ELU"`` or ``"leaky_relu"``.
    :param residual: None, ``"normal"`` or ``"gated"``.
    :raises ValueError: if ``activation`` or ``residual`` is anything else.

    Example::

        >>> flow = dist.transforms.block_autoregressive(3, residual="gated")
        >>> flow(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    autoregressive = True

    def __init__(
        self,
        input_dim: int,
        hidden_factors: Sequence[int] = (8, 8),
        activation: str = "tanh",
        residual: str | None = None,
    ) -> None:
        if activation not in _ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {sorted(_ACTIVATIONS)}, got {activation!r}"
            )
        if residual not in (None, "normal", "gated"):
            raise ValueError(f"residual must be None, 'normal' or 'gated', got {residual!r}")
        super().__init__()
        self.input_dim = input_dim
        self.activation = activation
        self.residual = residual
        sizes = [1, *hidden_factors, 1]
        self.layers = nn.ModuleList(MaskedBlockLinear(input_dim, a, b) for a, b in pairwise(sizes))
        if residual == "gated":
            self.gate = nn.Parameter(torch.randn(1))

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        activation = _ACTIVATIONS[self.activation]()
        h, log_slopes = x, torch.zeros_like(x)[..., None]
        for index, layer in enumerate(self.layers):
            if index:
                active = activation(h)
                here = activation.log_abs_det_jacobian(h, active)
                log_slopes = log_slopes + here.reshape(log_slopes.shape)
                h = active
            h, log_slopes = layer(h, log_slopes)
        return self._with_residual(x, h, log_slopes.squeeze(-1))

    def _with_residual(self, x: Tensor, h: Tensor, log_slopes: Tensor) -> tuple[Tensor, Tensor]:
        if self.residual == "normal":
            return x + h, F.softplus(log_slopes).sum(-1)
        if self.residual == "gated":
            share = self.gate.sigmoid()
            log_det = F.logsigmoid(self.gate) + F.softplus(log_slopes - self.gate)
            return share * x + (1 - share) * h, log_det.sum(-1)
        return h, log_slopes.sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, None]:
        def solve(i: int, x: Tensor, y_i: Tensor) -> Tensor:
            place = torch.eye(self.input_dim, dtype=torch.bool, device=y.device)[i]
            return solve_increasing(
                lambda t: self._forward(torch.where(place, t[..., None], x))[0][..., i], y_i
            )

        return solve_in_order(y, range(self.input_dim), solve), None


def block_autoregressive(input_dim: int, **kwargs: Any) -> BlockAutoregressive:
    """A :class:`BlockAutoregressive` flow."""
    return BlockAutoregressive(input_dim, **kwargs)
