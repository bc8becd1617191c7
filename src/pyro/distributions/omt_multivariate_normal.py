"""The multivariate normal distribution with optimal transport gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch import MultivariateNormal
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric
from pyro.ops.triangular import matvec


@torch_family
class OMTMultivariateNormal(MultivariateNormal):
    r""":math:`f(x) \propto \exp(-\tfrac12 (x-\mu)^\top (L L^\top)^{-1} (x-\mu))`

    A multivariate normal whose draws move by optimal transport when :math:`L` does: gradients for
    ``scale_tril`` of lower variance than those of :math:`\mu + L\varepsilon`, at the cost of a
    singular value decomposition.  Draws and densities are those of ``MultivariateNormal``.

    Jankowiak and Obermeyer (2018), *Pathwise Derivatives Beyond the Reparameterization Trick*.

    :param loc: :math:`\mu`, real, of shape ``batch_shape + (n,)``.
    :param scale_tril: :math:`L`, lower triangular with positive diagonal, of shape
        ``batch_shape + (n, n)``.  The support are real vectors.

    Example::

        >>> tril = torch.tensor([[1.0, 0.0], [0.5, 1.0]], requires_grad=True)
        >>> d = dist.OMTMultivariateNormal(torch.zeros(2), tril)
        >>> d.rsample((1000,)).square().sum(-1).mean().backward()
        >>> tril.grad.round()  # that of the trace of the covariance matrix
        tensor([[2., 0.],
                [1., 2.]])
    """

    arg_constraints = {"loc": tc.real_vector, "scale_tril": tc.lower_cholesky}

    def __init__(
        self, loc: Numeric, scale_tril: Numeric, validate_args: bool | None = None
    ) -> None:
        super().__init__(loc, scale_tril=scale_tril, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Draw, with gradients for both parameters."""
        shape, tril = self.shape(sample_shape), self._unbroadcasted_scale_tril
        normal = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        draws = self.loc + matvec(tril.detach(), normal)
        if not (tril.requires_grad and torch.is_grad_enabled()):
            return draws
        return draws + matvec(_transport(tril), normal)


def _transport(tril: Tensor) -> Tensor:
    r"""Zero, with the derivative :math:`A L` for the symmetric :math:`A` of the transport.

    It satisfies :math:`A\Sigma + \Sigma A = d\Sigma`; in the singular basis of :math:`L` it is a
    quotient of entries, in which only ratios of singular values occur.
    """
    left, values, right = torch.linalg.svd(tril.detach())
    change = left.mT @ (tril - tril.detach()).tril() @ right.mT
    row, column = values.unsqueeze(-1), values.unsqueeze(-2)
    total = torch.hypot(row, column)
    row, column = row / total, column / total
    moved = column.square() * change + row * column * change.mT
    return left @ moved @ right  # type: ignore[no-any-return]
