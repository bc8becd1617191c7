"""Sylvester flows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.transforms.flows.householder import reflected
from pyro.distributions.transforms.flows.sequential import solve_in_order
from pyro.distributions.transforms.transform_module import FusedTransformModule
from pyro.ops.roots import solve_increasing


class Sylvester(FusedTransformModule):
    r""":math:`y = x + Q R \tanh(S Q^\top x + b)`.

    :math:`Q` is a product of Householder reflections, :math:`R` and :math:`S` are upper triangular
    with diagonals in :math:`(-1, 1)`;
    :math:`\log|\det J| = \sum_i \log(1 + R_{ii} S_{ii} \tanh'(\cdot)_i)`
    (van den Berg et al. 2018, *Sylvester normalizing flows for variational inference*,
    section 4.2). The inverse solves for one variable after the other, by bisection.

    :param input_dim: The length of :math:`x`.
    :param count_transforms: The number of reflections in :math:`Q`.
    :raises ValueError: if it is not between 1 and ``input_dim``.

    Example::

        >>> flow = dist.transforms.sylvester(3)
        >>> x = torch.ones(5, 3)
        >>> torch.allclose(flow.inv(flow(x) + 0), x, atol=1e-4)
        True
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    triangular_mask: Tensor

    def __init__(self, input_dim: int, count_transforms: int = 1) -> None:
        if not 1 <= count_transforms <= input_dim:
            raise ValueError(
                f"count_transforms must be between 1 and input_dim={input_dim}, "
                f"got {count_transforms}"
            )
        super().__init__()
        bound = 1 / math.sqrt(input_dim)
        n = input_dim
        self.u_unnormed = nn.Parameter(torch.empty(count_transforms, n).uniform_(-bound, bound))
        self.R_dense = nn.Parameter(torch.empty(n, n).uniform_(-bound, bound))
        self.S_dense = nn.Parameter(torch.empty(n, n).uniform_(-bound, bound))
        self.R_diag = nn.Parameter(torch.empty(n).uniform_(-bound, bound))
        self.S_diag = nn.Parameter(torch.empty(n).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.empty(n).uniform_(-bound, bound))
        self.register_buffer("triangular_mask", torch.ones(n, n).triu(1))

    def R(self) -> Tensor:  # noqa: N802
        """The upper triangular factor outside of the tanh."""
        return self.R_dense * self.triangular_mask + self.R_diag.tanh().diag()

    def S(self) -> Tensor:  # noqa: N802
        """The upper triangular factor inside of the tanh."""
        return self.S_dense * self.triangular_mask + self.S_diag.tanh().diag()

    def Q(self) -> Tensor:  # noqa: N802
        """The orthogonal factor: the product of the reflections."""
        unit = torch.eye(self.b.shape[0], dtype=self.b.dtype, device=self.b.device)
        return reflected(unit, self.u_unnormed, reverse=True)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        R, S, Q = self.R(), self.S(), self.Q()
        height = (x @ (S @ Q.mT).mT + self.b).tanh()
        y = x + height @ (Q @ R).mT
        slopes = R.diagonal() * S.diagonal() * (1 - height.square())
        return y, torch.log1p(slopes).sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, None]:
        R, S = self.R(), self.S()

        def solve(i: int, z: Tensor, target: Tensor) -> Tensor:
            known = z @ S.mT + self.b  # exact for the rows below i
            target = target - known[..., i + 1 :].tanh() @ R[i, i + 1 :]
            shift = known[..., i]
            return solve_increasing(lambda t: t + R[i, i] * (S[i, i] * t + shift).tanh(), target)

        Q = self.Q()
        z = solve_in_order(y @ Q, range(y.shape[-1] - 1, -1, -1), solve)
        return z @ Q.mT, None


def sylvester(input_dim: int, count_transforms: int | None = None) -> Sylvester:
    """A :class:`Sylvester` flow, by default with ``input_dim // 2 + 1`` reflections."""
    count = input_dim // 2 + 1 if count_transforms is None else count_transforms
    return Sylvester(input_dim, count)
