"""The ordered logistic distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.categorical import Categorical
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape
from pyro.ops.tail_functions import log1mexp

_log_sigmoid = torch.nn.functional.logsigmoid


class OrderedLogistic(Categorical):
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

    arg_constraints = {"predictor": tc.real, "cutpoints": constraints.ordered_vector}

    def __init__(
        self, predictor: Numeric, cutpoints: Numeric, validate_args: bool | None = None
    ) -> None:
        cutpoints, predictor = as_tensors(cutpoints, predictor)
        shape = broadcast_shape(predictor.shape, cutpoints.shape[:-1])
        self.predictor = predictor.expand(shape)
        self.cutpoints = cutpoints.expand(shape + cutpoints.shape[-1:])
        cuts = self.cutpoints - self.predictor.unsqueeze(-1)
        # normalised as they are, so that the constructor of Categorical has nothing to add
        self._param = self.logits = _log_probs(
            cuts, log1mexp(cutpoints[..., :-1] - cutpoints[..., 1:])
        )
        self._num_events = self.logits.shape[-1]
        ValidatedDistribution.__init__(self, shape, torch.Size(), validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape, without=("_own_support",))


def _log_probs(cuts: Tensor, gaps: Tensor) -> Tensor:
    """Log masses between cuts of the logistic law, each exact however far out its cuts are.

    The difference of two sigmoids is the product of the sigmoids of one and of minus the other, and
    of a factor that depends on their distance only, whose logarithm is ``gaps``.
    """
    below, above = _log_sigmoid(cuts), _log_sigmoid(-cuts)
    between = below[..., 1:] + above[..., :-1] + gaps
    return torch.cat([below[..., :1], between, above[..., -1:]], -1)
