"""The ordered probit distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.distributions.ordered_categorical import OrderedCategorical
from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.tail_functions import log_diff_exp


class OrderedProbit(OrderedCategorical):
    r""":math:`P(k) = \Phi(c_k - \eta) - \Phi(c_{k-1} - \eta)`

    An ordered category, larger where the predictor is larger, with :math:`c_{-1} = -\infty` and
    :math:`c_{K-1} = \infty`; :math:`\Phi` is the normal distribution function.  Aitchison and
    Silvey (1957), *The Generalization of Probit Analysis to the Case of Multiple Responses*,
    Biometrika 44.

    :param predictor: :math:`\eta`, real; its shape broadcasts with that of the batch of cutpoints.
    :param cutpoints: :math:`c`, increasing along the last dimension, of shape
        ``batch_shape + (K - 1,)`` for :math:`K` categories :math:`k \in \{0, \dots, K - 1\}`.

    Example::

        >>> cutpoints = torch.tensor([-1.0, 1.0])
        >>> dist.OrderedProbit(torch.tensor([0.0, 5.0]), cutpoints).probs
        tensor([[1.5866e-01, 6.8269e-01, 1.5866e-01],
                [9.8659e-10, 3.1670e-05, 9.9997e-01]])
    """

    @staticmethod
    def _log_below(cut: Tensor) -> Tensor:
        return log_ndtr(cut)

    @staticmethod
    def _log_above(cut: Tensor) -> Tensor:
        return log_ndtr(-cut)

    @staticmethod
    def _log_between(low: Tensor, high: Tensor, gap: Tensor) -> Tensor:
        right = low > 0  # measured from the nearer tail
        large = log_ndtr(torch.where(right, -low, high))
        return log_diff_exp(large, log_ndtr(torch.where(right, -high, low)))
