"""The ordered logistic distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.distributions.ordered_categorical import OrderedCategorical
from pyro.ops.tail_functions import log1mexp

_log_sigmoid = torch.nn.functional.logsigmoid


class OrderedLogistic(OrderedCategorical):
    r""":math:`P(k) = \sigma(c_k - \eta) - \sigma(c_{k-1} - \eta)`

    An ordered category, larger where the predictor is larger, with :math:`c_{-1} = -\infty` and
    :math:`c_{K-1} = \infty`.  McCullagh (1980), *Regression Models for Ordinal Data*, J. R.
    Statist. Soc. B 42.

    :param predictor: :math:`\eta`, real; its shape broadcasts with that of the batch of cutpoints.
    :param cutpoints: :math:`c`, increasing along the last dimension, of shape
        ``batch_shape + (K - 1,)`` for :math:`K` categories :math:`k \in \{0, \dots, K - 1\}`.

    Example::

        >>> cutpoints = torch.tensor([-1.0, 1.0])
        >>> dist.OrderedLogistic(torch.tensor([0.0, 5.0]), cutpoints).probs
        tensor([[0.2689, 0.4621, 0.2689],
                [0.0025, 0.0155, 0.9820]])
    """

    @staticmethod
    def _log_below(cut: Tensor) -> Tensor:
        return _log_sigmoid(cut)

    @staticmethod
    def _log_above(cut: Tensor) -> Tensor:
        return _log_sigmoid(-cut)

    @staticmethod
    def _log_between(low: Tensor, high: Tensor, gap: Tensor) -> Tensor:
        # The difference of two sigmoids is the product of the sigmoids of one and of minus the
        # other, and of a factor that depends on their distance only.
        return _log_sigmoid(high) + _log_sigmoid(-low) + log1mexp(gap)
