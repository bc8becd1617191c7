"""Weighted samples as a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError


class Empirical(TorchDistribution):
    r""":math:`P(x) = \frac{\sum_{i:\, x_i = x} w_i}{\sum_i w_i}`

    The law of one of given samples, drawn with probability proportional to its weight: a bootstrap,
    or a posterior by importance sampling.  See Efron (1979), *Bootstrap Methods: Another Look at
    the Jackknife*, Annals of Statistics 7.

    :param samples: The :math:`x_i`, of shape ``batch_shape + (n,) + event_shape``.
    :param log_weights: :math:`\log w_i` up to a constant, of shape ``batch_shape + (n,)``; may hold
        ``-inf``.
    :raises ShapeError: if the shapes do not agree.

    Example::

        >>> d = dist.Empirical(torch.tensor([1.0, 2.0]), torch.tensor([0.25, 0.75]).log())
        >>> d.mean
        tensor(1.7500)
    """

    arg_constraints: dict[str, Any] = {}
    has_enumerate_support = True

    def __init__(
        self, samples: Tensor, log_weights: Tensor, validate_args: bool | None = None
    ) -> None:
        rank = log_weights.dim()
        if rank == 0 or samples.shape[:rank] != log_weights.shape:
            raise ShapeError(
                f"the shape of log_weights {tuple(log_weights.shape)} must be nonempty and the "
                f"leftmost part of the shape of samples {tuple(samples.shape)}"
            )
        self._samples = samples
        self._log_weights = log_weights - log_weights.logsumexp(-1, keepdim=True)
        super().__init__(log_weights.shape[:-1], samples.shape[rank:], validate_args)

    @tc.dependent_property
    def support(self) -> Any:
        """The reals, of the event's dimension."""
        return tc.independent(tc.real, self.event_dim) if self._event_shape else tc.real

    @property
    def sample_size(self) -> int:
        """The number of samples that make up the law."""
        return self._log_weights.shape[-1]

    @property
    def log_weights(self) -> Tensor:
        """Normalised log weights, of shape ``batch_shape + (n,)``."""
        return self._log_weights

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast samples and weights."""
        if batch_shape == self._batch_shape:
            return self
        shape = torch.Size(batch_shape) + (self.sample_size,)
        extra = len(shape) - self._log_weights.dim()
        samples = self._samples.reshape((1,) * extra + self._samples.shape)
        samples = samples.expand(shape + self._event_shape)
        new = type(self)(samples, self._log_weights.expand(shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Draw with replacement."""
        shape = torch.Size(sample_shape) + self._batch_shape
        with torch.no_grad():
            probs = self._log_weights.exp().expand(shape + (self.sample_size,))
            flat = probs.reshape(-1, self.sample_size)
            index = torch.multinomial(flat, 1).reshape(shape + (1,))
            rank = len(shape)
            samples = self._samples.expand(shape + self._samples.shape[len(self._batch_shape) :])
            index = index.reshape(index.shape + (1,) * self.event_dim)
            index = index.expand(shape + (1,) + self._event_shape)
            return samples.gather(rank, index).squeeze(rank)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log weight of all samples equal to ``value``; ``-inf`` if there is none."""
        value = self._as_value(value)
        if self._validate_args:
            self._validate_sample(value)
        rank = value.dim() - self.event_dim
        equal = self._samples == value.unsqueeze(rank)
        if self.event_dim:
            equal = equal.flatten(-self.event_dim).all(-1)
        log_weights = self._log_weights.masked_fill(~equal, -torch.inf)
        return log_weights.logsumexp(-1)

    def _average(self, x: Tensor) -> Tensor:
        weights = self._log_weights.exp().to(x.dtype)
        weights = weights.reshape(weights.shape + (1,) * self.event_dim)
        return (weights * x).sum(len(self._batch_shape))

    def _check_real(self) -> None:
        if not self._samples.is_floating_point():
            raise ValueError(f"moments need real samples, these are {self._samples.dtype}")

    @property
    def mean(self) -> Tensor:
        """The weighted mean, of shape ``batch_shape + event_shape``."""
        self._check_real()
        return self._average(self._samples)

    @property
    def variance(self) -> Tensor:
        """The weighted variance (not corrected for the number of samples)."""
        self._check_real()
        deviation = self._samples - self.mean.unsqueeze(len(self._batch_shape))
        return self._average(deviation.square())

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The samples along a new leftmost dimension (repetitions included)."""
        return self._samples.movedim(len(self._batch_shape), 0)

    def get_samples_and_weights(self) -> tuple[Tensor, Tensor]:
        """The samples and their normalised log weights."""
        return self._samples, self._log_weights

    def __repr__(self) -> str:
        return f"Empirical(samples: {tuple(self._samples.shape)}, sample_size: {self.sample_size})"
