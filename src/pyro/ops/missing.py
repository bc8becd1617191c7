"""Normal vectors of which some entries are missing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.ops.triangular import log_diagonal, solve_lower

_BITS = 62


def marginal_log_density(centred: Tensor, covariance: Tensor, missing: Tensor) -> Tensor:
    r"""The log density of the entries that are there, the others integrated out.

    Rows and columns of missing entries are replaced by those of the identity, which leaves the
    other entries their marginal and adds nothing.  With one covariance for all vectors, what
    depends on it is computed once for each pattern of missing entries.

    :param centred: Vectors less their mean, of shape ``(..., n)``; zero where missing.
    :param covariance: Of shape ``(..., n, n)``.
    :param missing: True where an entry is missing, of shape ``(..., n)``.

    Example::

        >>> centred, missing = torch.tensor([1.0, 0.0]), torch.tensor([False, True])
        >>> covariance = torch.tensor([[4.0, 1.0], [1.0, 2.0]])
        >>> marginal_log_density(centred, covariance, missing)
        tensor(-1.7371)
        >>> dist.Normal(0.0, 2.0).log_prob(torch.tensor(1.0))
        tensor(-1.7371)
    """
    if covariance.dim() > 2:
        tril = _marginal_cholesky(covariance, missing)
        white, log_volume = solve_lower(tril, centred), log_diagonal(tril)
    else:
        patterns, which = _patterns(missing)
        tril = _marginal_cholesky(covariance, patterns)
        unit = torch.eye(tril.shape[-1], dtype=tril.dtype, device=tril.device)
        inverse = torch.linalg.solve_triangular(tril, unit, upper=False)
        rows = torch.cat([inverse.flatten(-2), log_diagonal(tril).unsqueeze(-1)], -1)
        rows = torch.nn.functional.embedding(which, rows)  # its gradient is a fast sum
        white = (rows[..., :-1].unflatten(-1, unit.shape) @ centred.unsqueeze(-1)).squeeze(-1)
        log_volume = rows[..., -1]
    count = missing.logical_not().sum(-1, dtype=centred.dtype)
    square = white.square().sum(-1) + count * math.log(2 * math.pi)
    return 0.0 - log_volume - 0.5 * square


def _marginal_cholesky(covariance: Tensor, missing: Tensor) -> Tensor:
    n = covariance.shape[-1]
    cut = missing.unsqueeze(-1) | missing.unsqueeze(-2)
    unit = torch.eye(n, dtype=covariance.dtype, device=covariance.device)
    return torch.linalg.cholesky(torch.where(cut, unit, covariance))  # type: ignore[no-any-return]


def _patterns(missing: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct vectors, of shape ``(p, n)``, and for each vector the number of its own."""
    n = missing.shape[-1]
    if n > _BITS:
        flat = missing.reshape(-1, n)
        patterns, which = torch.unique(flat, dim=0, return_inverse=True)
        return patterns, which.reshape(missing.shape[:-1])
    bits = 2 ** torch.arange(n, device=missing.device)
    codes, which = torch.unique((missing * bits).sum(-1), return_inverse=True)
    return (codes.unsqueeze(-1) & bits) != 0, which
