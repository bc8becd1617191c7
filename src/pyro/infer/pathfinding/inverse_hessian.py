"""Normal approximations from the steps of an ascent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pyro.infer.pathfinding.lbfgs import Trajectory

_LEAST_CURVATURE = 1e-12


@dataclass(frozen=True)
class LowRankNormal:
    r"""A normal law with covariance :math:`\mathrm{diag}(\alpha) + \beta \gamma \beta^\top`.

    Drawing and scoring cost :math:`O(d J)`, where :math:`\beta` has :math:`2 J` columns.

    :param loc: The mean, of shape ``(dim,)``.
    :param alpha: Of shape ``(dim,)``, positive.
    :param basis: An orthonormal basis :math:`Q` of the columns of
        :math:`\mathrm{diag}(\alpha)^{-1/2} \beta`, of shape ``(dim, r)``.
    :param factor: The Cholesky factor of the covariance within that basis, ``(r, r)``.
    """

    loc: Tensor
    alpha: Tensor
    basis: Tensor
    factor: Tensor

    def draw(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draws of shape ``(count, dim)`` and their log densities (algorithm 4 of the paper)."""
        noise = torch.randn(
            count,
            len(self.loc),
            dtype=self.loc.dtype,
            device=self.loc.device,
            generator=generator,
        )
        inside = noise @ self.basis
        shaped = noise + (inside @ self.factor.mT - inside) @ self.basis.mT
        draws = self.loc + shaped * self.alpha.sqrt()
        half_log_det = self.alpha.log().sum() / 2 + self.factor.diagonal().log().sum()
        constant = len(self.loc) * math.log(2 * math.pi) / 2
        return draws, -0.5 * noise.square().sum(-1) - half_log_det - constant

    @property
    def covariance(self) -> Tensor:
        """The covariance matrix, of shape ``(dim, dim)``."""
        inner = self.factor @ self.factor.mT
        eye = torch.eye(len(self.alpha)).to(self.alpha)
        middle = eye + self.basis @ (inner - torch.eye(len(inner)).to(inner)) @ self.basis.mT
        scale = self.alpha.sqrt()
        return scale[:, None] * middle * scale


def normals(trajectory: Trajectory, history: int) -> list[LowRankNormal]:
    """A normal approximation at each point of an ascent but the first.

    See Zhang, Carpenter, Gelman and Vehtari (2022), *Pathfinder: Parallel Quasi-Newton Variational
    Inference*, algorithm 3: the diagonal follows Gilbert and Lemaréchal (1989), the rest Byrd,
    Nocedal and Schnabel (1994). Points at which the covariance is not positive definite are left
    out.

    :param history: How many steps are remembered, :math:`J`.
    """
    alpha = torch.ones_like(trajectory.points[0])
    steps = trajectory.points.diff(dim=0)
    changes = -trajectory.gradients.diff(dim=0)
    kept: list[int] = []
    found = []
    for i, (step, change) in enumerate(zip(steps, changes, strict=True)):
        if step @ change > _LEAST_CURVATURE * (change @ change):
            alpha = _updated(alpha, step, change)
            kept = [*kept, i][-history:]
        if not kept:
            continue
        normal = _normal(
            trajectory.points[i + 1],
            trajectory.gradients[i + 1],
            alpha,
            steps[kept].mT,
            changes[kept].mT,
        )
        if normal is not None:
            found.append(normal)
    return found


def _updated(alpha: Tensor, s: Tensor, y: Tensor) -> Tensor:
    """The diagonal of an inverse Hessian that takes a step into account."""
    a, b, c = y @ (alpha * y), y @ s, s @ (s / alpha)
    return 1 / (a / (b * alpha) + y.square() / b - a * s.square() / (b * c * alpha.square()))


def _normal(
    point: Tensor, gradient: Tensor, alpha: Tensor, S: Tensor, Z: Tensor
) -> LowRankNormal | None:
    """The normal law at a point, by the last steps and changes, of shape ``(dim, J)``."""
    if not bool((alpha > 0).all()) or not bool(alpha.isfinite().all()):
        return None
    J = S.shape[1]
    R = (S.mT @ Z).triu()
    inverse = torch.linalg.solve_triangular(R, torch.eye(J).to(R), upper=True)
    middle = R.diagonal().diag() + Z.mT @ (alpha[:, None] * Z)
    beta = torch.cat([alpha[:, None] * Z, S], 1)
    zero = R.new_zeros(J, J)
    gamma = torch.cat(
        [torch.cat([zero, -inverse], 1), torch.cat([-inverse.mT, inverse.mT @ middle @ inverse], 1)]
    )
    basis, upper = torch.linalg.qr(beta / alpha.sqrt()[:, None])
    eye = torch.eye(len(upper)).to(upper)
    factor, failed = torch.linalg.cholesky_ex(eye + upper @ gamma @ upper.mT)
    if bool(failed) or not bool(factor.isfinite().all()):
        return None
    loc = point + alpha * gradient + beta @ (gamma @ (beta.mT @ gradient))
    return LowRankNormal(loc, alpha, basis, factor) if bool(loc.isfinite().all()) else None
