"""The ordered probit distribution."""

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
from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape
from pyro.ops.tail_functions import log_diff_exp


class OrderedProbit(Categorical):
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
        self._param = self.logits = _log_probs(cuts)
        self._num_events = self.logits.shape[-1]
        ValidatedDistribution.__init__(self, shape, torch.Size(), validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape, without=("_own_support",))


def _log_probs(cuts: Tensor) -> Tensor:
    """Log masses between cuts of the normal law, each measured from its nearer tail."""
    below, above = log_ndtr(cuts), log_ndtr(-cuts)
    right = cuts[..., :-1] > 0
    large = torch.where(right, above[..., :-1], below[..., 1:])
    small = torch.where(right, above[..., 1:], below[..., :-1])
    return torch.cat([below[..., :1], log_diff_exp(large, small), above[..., -1:]], -1)
