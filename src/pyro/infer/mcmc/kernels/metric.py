"""How momenta become velocities: by the factor of an inverse mass matrix."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Metric(Protocol):
    r"""An inverse mass matrix :math:`M^{-1} = L L^\top`.

    Momenta are kept whitened: they are standard normal, the kinetic energy is :math:`|p|^2/2`, the
    velocity is :math:`L p` and the force on them :math:`L^\top \nabla \log\pi`. So nothing but a
    leapfrog step needs the metric. Points are of shape ``(chains, dim)``.
    """

    def paced(self, step: Tensor) -> Metric:
        r"""The same with :math:`\epsilon L` for :math:`L`; ``step`` is of shape ``(chains,)``."""
        ...

    def drift_(self, position: Tensor, momentum: Tensor) -> None:
        """Add the velocity to positions, in place."""
        ...

    def kick_(self, momentum: Tensor, gradient: Tensor) -> None:
        """Add half of the force to momenta, in place."""
        ...

    def whiten(self, difference: Tensor) -> Tensor:
        r""":math:`L^{-1}` times a difference of positions."""
        ...

    def select(self, rows: Tensor) -> Metric:
        """The metric of some of the chains."""
        ...


class DiagonalMetric(NamedTuple):
    """Standard deviations of the coordinates.

    :param scale: Of shape ``(dim,)``, or ``(chains, dim)`` if each chain has its own.
    """

    scale: Tensor

    def paced(self, step: Tensor) -> DiagonalMetric:
        """The metric with scales multiplied by the step sizes of the chains."""
        return DiagonalMetric(step.to(self.scale.dtype)[:, None] * self.scale)

    def drift_(self, position: Tensor, momentum: Tensor) -> None:
        """Add the velocity to positions, in place."""
        position.addcmul_(self.scale, momentum)

    def kick_(self, momentum: Tensor, gradient: Tensor) -> None:
        """Add half of the force to momenta, in place."""
        momentum.addcmul_(self.scale, gradient, value=0.5)

    def whiten(self, difference: Tensor) -> Tensor:
        """Differences of positions in standard deviations."""
        return difference / self.scale

    def select(self, rows: Tensor) -> DiagonalMetric:
        """The metric of some of the chains."""
        return self if self.scale.dim() == 1 else DiagonalMetric(self.scale[rows])


class DenseMetric(NamedTuple):
    r"""A lower triangular factor of a covariance matrix.

    :param factor: :math:`L`, of shape ``(dim, dim)``, or ``(chains, dim, dim)``.
    :param step: What :math:`L` is multiplied with: one, or step sizes of shape ``(chains, 1)``.
    """

    factor: Tensor
    step: Tensor | float = 1.0

    def paced(self, step: Tensor) -> DenseMetric:
        """The metric with the factor multiplied by the step sizes of the chains."""
        return DenseMetric(self.factor, step.to(self.factor.dtype)[:, None])

    def drift_(self, position: Tensor, momentum: Tensor) -> None:
        """Add the velocity to positions, in place."""
        position.add_(_times(momentum, self.factor.mT) * self.step)

    def kick_(self, momentum: Tensor, gradient: Tensor) -> None:
        """Add half of the force to momenta, in place."""
        momentum.add_(_times(gradient, self.factor) * self.step, alpha=0.5)

    def whiten(self, difference: Tensor) -> Tensor:
        r""":math:`L^{-1}` times a difference of positions."""
        solved = torch.linalg.solve_triangular(self.factor, difference[..., None], upper=False)
        result: Tensor = solved[..., 0]
        return result

    def select(self, rows: Tensor) -> DenseMetric:
        """The metric of some of the chains."""
        return self if self.factor.dim() == 2 else DenseMetric(self.factor[rows])


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Each row times the matrix, or its own matrix."""
    return rows @ matrix if matrix.dim() == 2 else (rows[:, None] @ matrix)[:, 0]


def identity(dim: int, like: Tensor) -> DiagonalMetric:
    """The metric of a standard normal density, with the dtype and on the device of ``like``."""
    return DiagonalMetric(like.new_ones(dim))
