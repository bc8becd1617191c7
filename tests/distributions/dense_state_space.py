"""State space models as one multivariate normal distribution, by brute force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import pyro.distributions as dist


@dataclass(frozen=True)
class Dense:
    """The joint law of all states (from the first on, before any step) and all observations."""

    state_mean: Tensor
    mean: Tensor
    state_cov: Tensor
    cov: Tensor
    cross: Tensor

    def log_prob(self, x: Tensor) -> Tensor:
        return dist.MultivariateNormal(self.mean, self.cov).log_prob(x.flatten())

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and covariance of all states."""
        gain = torch.linalg.solve(self.cov, self.cross.T).T
        mean = self.state_mean + gain @ (x.flatten() - self.mean)
        return mean, self.state_cov - gain @ self.cross.T


def covariance(normal: Any) -> Tensor:
    if hasattr(normal, "covariance_matrix"):
        return normal.covariance_matrix
    return normal.variance.diag_embed()


def dense(d: Any, steps: int) -> Dense:
    """Write every variable as a mean plus a row of a matrix times independent normals."""
    n, p = d.hidden_dim, d.obs_dim
    F, H = d.transition_matrix.expand(steps, n, n), d.observation_matrix.expand(steps, n, p)
    u, v = d.transition_dist.mean.expand(steps, n), d.observation_dist.mean.expand(steps, p)
    Q = torch.linalg.cholesky(covariance(d.transition_dist).expand(steps, n, n))
    R = torch.linalg.cholesky(covariance(d.observation_dist).expand(steps, p, p))
    total = n + steps * (n + p)
    means, observed_means = [d.initial_dist.mean], []
    rows, observed_rows = [torch.zeros(n, total)], []
    rows[0][:, :n] = torch.linalg.cholesky(covariance(d.initial_dist))
    for t in range(steps):
        row = F[t].T @ rows[-1]
        row[:, n + t * n : n + (t + 1) * n] += Q[t]
        means.append(means[-1] @ F[t] + u[t])
        rows.append(row)
        seen = H[t].T @ row
        start = n + steps * n + t * p
        seen[:, start : start + p] += R[t]
        observed_means.append(means[-1] @ H[t] + v[t])
        observed_rows.append(seen)
    Z, X = torch.cat(rows), torch.cat(observed_rows)
    return Dense(torch.cat(means), torch.cat(observed_means), Z @ Z.T, X @ X.T, Z @ X.T)
