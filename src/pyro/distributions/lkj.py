"""The LKJ distribution of correlation matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric, tensor_like
from pyro.ops.triangular import log_diagonal

_SCALAR = torch.Size()


class LKJ(TorchDistribution):
    r""":math:`f(R) = \det(R)^{\eta - 1} / Z_n(\eta)` over correlation matrices

    A prior of correlations: uniform at :math:`\eta = 1`, near the identity when :math:`\eta` is
    large.  Use ``LKJCholesky`` where the Cholesky factor is what is needed.

    Lewandowski, Kurowicka and Joe (2009), *Generating Random Correlation Matrices Based on Vines
    and Extended Onion Method*, section 3.

    :param dim: :math:`n`, an int of at least 2.
    :param concentration: :math:`\eta`, positive, of the batch shape.  The support are positive
        definite matrices of shape ``(n, n)`` with unit diagonal.
    :raises ValueError: if ``dim`` is not such an int.

    Example::

        >>> d = dist.LKJ(3, concentration=2.0)
        >>> d.sample().diagonal(), d.log_prob(torch.eye(3))
        (tensor([1., 1., 1.]), tensor(-0.6155))
    """

    arg_constraints = {"concentration": tc.positive}
    support = constraints.corr_matrix
    has_rsample = True

    def __init__(
        self, dim: int, concentration: Numeric = 1.0, validate_args: bool | None = None
    ) -> None:
        if not isinstance(dim, int) or dim < 2:
            raise ValueError(f"LKJ takes an integer dim of at least 2, got {dim!r}")
        self.dim = dim
        self.concentration = tensor_like(concentration)
        super().__init__(self.concentration.shape, torch.Size((dim, dim)), validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Not known from shapes.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("LKJ.infer_shapes: the event shape depends on the value of dim")

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Draw by the onion method, with a gradient for ``concentration``.

        The rows of the Cholesky factor are uniform directions whose squared lengths below the
        diagonal have beta distributions; normal and gamma variables give both.
        """
        eta, n = self.concentration, self.dim
        shape = self.shape(sample_shape)
        below = torch.randn(shape, dtype=eta.dtype, device=eta.device).tril(-1)
        rest = 0.5 * torch.arange(n - 1, -1, -1, dtype=eta.dtype, device=eta.device)
        gamma = torch._standard_gamma((eta.unsqueeze(-1) + rest).expand(shape[:-1]))
        rows = below + torch.diag_embed((2 * gamma).sqrt())
        factor = rows / torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
        unit = torch.eye(n, dtype=torch.bool, device=eta.device)
        return torch.where(unit, 1.0, factor @ factor.mT)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        log_det = 2 * log_diagonal(torch.linalg.cholesky(self._scored(value)))
        return (self.concentration - 1) * log_det - self._log_normalizer()

    def _log_normalizer(self) -> Tensor:
        r""":math:`\sum_{k=1}^{n-1} \log B(k/2, \eta + (n - 1 - k)/2)` and the areas of spheres."""
        n, eta = self.dim, self.concentration
        k = torch.arange(1, n, dtype=eta.dtype, device=eta.device)
        top = eta + 0.5 * (n - 1)
        shares = (top.unsqueeze(-1) - 0.5 * k).lgamma().sum(-1) - (n - 1) * top.lgamma()
        return shares + 0.25 * n * (n - 1) * math.log(math.pi)

    @property
    def mean(self) -> Tensor:
        """The identity matrix, of shape ``batch_shape + (n, n)``."""
        eta = self.concentration
        return torch.eye(self.dim, dtype=eta.dtype, device=eta.device).expand(self.shape())

    @property
    def variance(self) -> Tensor:
        r""":math:`1/(2\eta + n - 1)` off the diagonal, and zero on it."""
        spread = (2 * self.concentration + self.dim - 1).reciprocal()
        return spread[..., None, None] * (1 - self.mean)
