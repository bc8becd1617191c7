"""The categorical distribution."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.twins import shared_among_twins
from pyro.distributions.validation import ValidatedDistribution, holds
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like
from pyro.ops.special import log_normalize

_SCALAR = torch.Size()


@torch_family
class Categorical(td.Categorical, TorchDistribution):
    r""":math:`P(k) = \frac{p_k}{\sum_j p_j}, \qquad k = 0, \dots, n-1`

    One of :math:`n` categories.  See Johnson, Kotz and Balakrishnan (1997), *Discrete Multivariate
    Distributions*, chapter 35.

    :param probs: :math:`p`, nonnegative (rescaled to sum to one), of shape ``batch_shape + (n,)``.
    :param logits: :math:`\log p` up to a constant, real, of shape ``batch_shape + (n,)``, instead
        of ``probs``.
    :raises ValueError: unless exactly one of the two is given.

    Example::

        >>> d = dist.Categorical(torch.tensor([1.0, 3.0]))
        >>> d.probs, d.log_prob(torch.tensor([0, 1, 1]))
        (tensor([0.2500, 0.7500]), tensor([-1.3863, -0.2877, -0.2877]))
    """

    @shared_among_twins
    def __init__(
        self,
        probs: Numeric = None,
        logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Categorical takes either `probs` or `logits`, and not both")
        given = tensor_like(logits if probs is None else probs)
        shape = given.shape
        if not shape:
            raise ValueError("Categorical: `probs` and `logits` have at least one dimension")
        if probs is None:
            self._param = self.logits = log_normalize(given)
        else:
            self._param = self.probs = given / given.sum(-1, keepdim=True)
        self._num_events = shape[-1]
        ValidatedDistribution.__init__(self, shape[:-1], _SCALAR, validate_args)

    def _validate_parameters(self) -> None:
        # probs were just normalised: being nonnegative (and not nan) is all that is left to check
        if "probs" not in self.__dict__ or not holds(tc.nonnegative, self.probs):
            ValidatedDistribution._validate_parameters(self)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``.

        The values that :meth:`enumerate_support` gave, reshaped or not, are recognised: their log
        probabilities are a view of the logits.
        """
        if not isinstance(value, Tensor):
            value = self._as_value(value)
        logits = self.logits
        if self.is_own_support(value):
            rank, batch = value.dim(), self._batch_shape
            if rank <= len(batch):
                return logits.transpose(-1 - rank, -1).squeeze(-1)
            ones = (1,) * (rank - 1 - len(batch))
            return logits.movedim(-1, 0).reshape(self._num_events, *ones, *batch)
        if self._validate_args:
            self._validate_sample(value)
        index = value if value.dtype is torch.long else value.long()
        if index.shape != self._batch_shape:
            shape = broadcast_shape(index.shape, self._batch_shape)
            index = index.expand(shape)
            logits = logits.expand(shape + logits.shape[-1:])
        return logits.gather(-1, index.unsqueeze(-1)).squeeze(-1)

    def is_own_support(self, value: Tensor) -> bool:
        """Whether ``value`` is a view of what this instance enumerated, in shape (n, 1, ..., 1).

        The batch has no dim, or one of size one, where the n values are.
        """
        own = self.__dict__.get("_own_support")
        if own is None or own._version:
            return False
        shape, batch = value.shape, self._batch_shape
        return (
            len(shape) > 0
            and shape[0] == self._num_events == shape.numel()
            and (len(shape) > len(batch) or batch[-len(shape)] == 1)
            and value.data_ptr() == own.data_ptr()
        )

    def _own_values(self) -> Tensor:
        own: Tensor | None = self.__dict__.get("_own_support")
        if own is None or own._version:
            own = torch.arange(self._num_events, dtype=torch.long, device=self._param.device)
            self._own_support = own
        return own

    _prepare_for_twins = _own_values

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The integers from 0 to n-1; shape ``(n,) + batch_shape``, or with ones in its place."""
        own = self._own_values()
        rank = len(self._batch_shape)
        values = own.reshape((-1,) + (1,) * rank) if rank else own
        return values.expand((-1,) + self._batch_shape) if expand else values
