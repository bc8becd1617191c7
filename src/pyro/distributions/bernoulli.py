"""The Bernoulli distribution."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors, tensor_like

_SCALAR = torch.Size()


@torch_family
class Bernoulli(td.Bernoulli, TorchDistribution):
    r""":math:`P(x) = p^x (1-p)^{1-x}, \qquad x \in \{0, 1\}`

    One trial: 1 for success, 0 for failure.  See Johnson, Kemp and Kotz (2005), *Univariate
    Discrete Distributions*, chapter 3.

    :param probs: The probability :math:`p` of success, in [0, 1], of the batch shape.
    :param logits: :math:`\log(p / (1 - p))`, real, of the batch shape, instead of ``probs``.
    :raises ValueError: unless exactly one of the two is given.

    Example::

        >>> d = dist.Bernoulli(logits=torch.tensor([0.0, 2.0]))
        >>> d.mean, d.log_prob(1.0)
        (tensor([0.5000, 0.8808]), tensor([-0.6931, -0.1269]))
    """

    def __init__(
        self,
        probs: Numeric = None,
        logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Bernoulli takes either `probs` or `logits`, and not both")
        if probs is None:
            self._param = self.logits = tensor_like(logits)
        else:
            self._param = self.probs = tensor_like(probs)
        ValidatedDistribution.__init__(self, self._param.shape, _SCALAR, validate_args)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        logits = self.logits
        if value.dtype is not logits.dtype:
            value = value.to(logits.dtype)
        if value.shape != logits.shape:
            logits, value = broadcast_tensors(logits, value)
        return -torch.binary_cross_entropy_with_logits(logits, value, None, None, 0)
