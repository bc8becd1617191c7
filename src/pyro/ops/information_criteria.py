"""How well a model predicts data it has not seen, estimated from the log likelihood of draws."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from pyro.ops.psis import psis


class Loo(NamedTuple):
    """What :func:`loo` returns."""

    loo: Tensor
    p_loo: Tensor
    k_hat: Tensor


def waic(
    input: Tensor, log_weights: Tensor | None = None, pointwise: bool = False, dim: int = 0
) -> tuple[Tensor, Tensor]:
    r"""The widely applicable information criterion, on the deviance scale: the smaller the better.

    .. math::
        -2 \sum_i \Bigl( \log \frac{1}{S} \sum_s p(y_i \mid \theta_s)
        - \mathrm{Var}_s \log p(y_i \mid \theta_s) \Bigr)

    The sum of the variances is the effective number of parameters. Where one of them exceeds 0.4,
    :func:`loo` is to be preferred, which says itself when it fails.

    See Watanabe (2010), *Asymptotic Equivalence of Bayes Cross Validation and Widely Applicable
    Information Criterion in Singular Learning Theory*; Vehtari, Gelman and Gabry (2017), *Practical
    Bayesian Model Evaluation Using Leave-One-Out Cross-Validation and WAIC*, equations 11 to 13.

    :param input: The log likelihood of each observation under each of S draws along ``dim``; see
        :func:`pyro.infer.log_likelihood`.
    :param log_weights: Log weights of the draws, of shape ``(S,)``; by default all are equal.
    :param pointwise: Whether both results are given for each observation, rather than summed.
    :return: The criterion and the effective number of parameters.

    Example::

        >>> from pyro.ops.stats import waic
        >>> log_lik = dist.Normal(torch.randn(1000, 1) * 0.1, 1.0).log_prob(torch.zeros(100))
        >>> criterion, p = waic(log_lik)
        >>> bool(abs(criterion / 2 - 100 * 0.92) < 1)
        True
    """
    x = input.movedim(dim, -1)
    n = x.shape[-1]
    if log_weights is None:
        density, variance = x.logsumexp(-1) - math.log(n), x.var(-1)
    else:
        logs = log_weights.log_softmax(-1)
        mean = (x * logs.exp()).sum(-1, keepdim=True)
        density = (x + logs).logsumexp(-1)
        variance = ((x - mean).square() * logs.exp()).sum(-1) * (n / (n - 1))
    criterion = -2 * (density - variance)
    return (criterion, variance) if pointwise else (criterion.sum(), variance.sum())


def loo(input: Tensor, pointwise: bool = False, dim: int = 0, r_eff: float = 1.0) -> Loo:
    r"""Leave-one-out cross-validation by Pareto smoothed importance sampling; no refitting.

    :math:`-2 \sum_i \log p(y_i \mid y_{-i})`, on the deviance scale: the smaller the better. The
    draws are weighted by :math:`1 / p(y_i \mid \theta_s)` to leave :math:`y_i` out. Where
    :math:`\hat k` exceeds 0.7 the observation is so influential that its term is not reliable.

    See Vehtari, Gelman and Gabry (2017), *Practical Bayesian Model Evaluation Using Leave-One-Out
    Cross-Validation and WAIC*, section 2.

    :param input: The log likelihood of each observation under each draw along ``dim``; see
        :func:`pyro.infer.log_likelihood`.
    :param pointwise: Whether the first two results are given for each observation, rather than
        summed.
    :param r_eff: The relative efficiency of the draws: effective over actual number.
    :return: ``(loo, p_loo, k_hat)``: the criterion, the effective number of parameters, and
        :math:`\hat k` for each observation.

    Example::

        >>> from pyro.ops.stats import loo
        >>> log_lik = dist.Normal(torch.randn(1000, 1) * 0.1, 1.0).log_prob(torch.zeros(100))
        >>> result = loo(log_lik)
        >>> bool(abs(result.loo / 2 - 100 * 0.92) < 1), bool((result.k_hat < 0.7).all())
        (True, True)
    """
    x = input.movedim(dim, -1)
    smoothed, k_hat = psis(-x, dim=-1, r_eff=r_eff)
    left_out = (x + smoothed).logsumexp(-1)
    parameters = x.logsumexp(-1) - math.log(x.shape[-1]) - left_out
    if pointwise:
        return Loo(-2 * left_out, parameters, k_hat)
    return Loo(-2 * left_out.sum(), parameters.sum(), k_hat)
