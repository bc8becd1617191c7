"""Scores of forecasts by samples, smallest on average for the true law."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def crps_empirical(pred: Tensor, truth: Tensor) -> Tensor:
    r"""The continuous ranked probability score of samples, the smaller the better.

    .. math::
        E |X - x| - \tfrac{1}{2} E |X - X'|

    for the true x and samples X, X' of the forecast, in :math:`n \log n` operations. For one
    sample it is the absolute error.

    See Gneiting and Raftery (2007), *Strictly Proper Scoring Rules, Prediction, and Estimation*,
    equation 21 (with the other sign).

    :param pred: Samples, of shape ``(n,) + truth.shape``.
    :return: Of the shape of ``truth``.
    :raises ValueError: if the shapes do not fit.

    Example::

        >>> from pyro.ops.stats import crps_empirical
        >>> crps_empirical(torch.tensor([0.0, 2.0]), torch.tensor(1.0))
        tensor(0.5000)
    """
    if pred.shape[1:] != (1,) * (pred.dim() - truth.dim() - 1) + truth.shape:
        raise ValueError(
            f"crps_empirical: pred has shape {tuple(pred.shape)}, but the number of samples and "
            f"then the shape of truth are expected: (n, {', '.join(map(str, truth.shape))})"
        )
    n = len(pred)
    gaps = pred.sort(0).values.diff(dim=0)
    rank = torch.arange(1, n).to(gaps).reshape((-1,) + (1,) * (gaps.dim() - 1))
    spread = (gaps * (rank * (n - rank))).sum(0) / n**2
    return (pred - truth).abs().mean(0) - spread


def energy_score_empirical(
    pred: Tensor,
    truth: Tensor,
    pred_batch_size: int | None = None,
    cdist: Callable[[Tensor, Tensor], Tensor] = torch.cdist,
) -> Tensor:
    r"""The energy score of samples of vectors, the smaller the better.

    .. math::
        E \lVert X - x \rVert - \tfrac{1}{2} E \lVert X - X' \rVert

    in a number of operations quadratic in that of the samples. Unlike scores of the single
    entries it is smallest on average only for the true *joint* law. For vectors of one entry it
    is :func:`crps_empirical`.

    See Gneiting and Raftery (2007), *Strictly Proper Scoring Rules, Prediction, and Estimation*,
    equation 22 (with the other sign).

    :param pred: Samples, of shape ``batch + (n, d)``.
    :param truth: Of shape ``batch + (d,)``, or ``batch + (m, d)`` for m truths each.
    :param pred_batch_size: How many samples are compared with all others at a time; by default
        all. A smaller number takes less memory.
    :param cdist: Distances of all rows of two matrices.
    :return: Of the shape of ``truth`` without its last dim.
    :raises ValueError: if the shapes do not fit.

    Example::

        >>> from pyro.ops.stats import energy_score_empirical
        >>> energy_score_empirical(torch.zeros(5, 2), torch.tensor([3.0, 4.0]))
        tensor(5.)
    """
    single = truth.dim() == pred.dim() - 1
    truths = truth.unsqueeze(-2) if single else truth
    if pred.dim() < 2 or truths.dim() != pred.dim() or truths.shape[-1] != pred.shape[-1]:
        raise ValueError(
            f"energy_score_empirical: pred must be batch + (n, d) and truth batch + (d,) or batch "
            f"+ (m, d), but the shapes are {tuple(pred.shape)} and {tuple(truth.shape)}"
        )
    parts = pred.split(pred_batch_size or pred.shape[-2], dim=-2)
    n = pred.shape[-2]
    spread = torch.stack([cdist(part, pred).sum((-2, -1)) for part in parts]).sum(0) / n**2
    error = torch.stack([cdist(part, truths).sum(-2) for part in parts]).sum(0) / n
    score = error - 0.5 * spread.unsqueeze(-1)
    return score.squeeze(-1) if single else score
