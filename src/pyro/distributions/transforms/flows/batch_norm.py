"""Batch normalisation as a transform."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.transforms.transform_module import TransformModule
from pyro.ops.shapes import broadcast_shape

_LEAST = 1e-6


class BatchNorm(TransformModule):
    r"""The inverse normalises a batch.

    :math:`x = \gamma (y - \hat\mu) / \sqrt{\hat\sigma^2 + \epsilon} + \beta`.

    In training the moments in the inverse are those of the batch, and move running averages, which
    the forward map always uses. After ``eval()`` both ways use the averages and undo each other
    (Dinh et al. 2017, *Density estimation using Real NVP*, section 3.7). Entries do not interact:
    the log-determinant has the shape of ``x``.

    :param input_dim: The number of entries.
    :param momentum: The weight of a new batch in the averages.
    :param epsilon: :math:`\epsilon`.

    Example::

        >>> flow = dist.transforms.batchnorm(2)
        >>> x = flow.inv(torch.tensor([[1.0, 5.0], [3.0, 9.0]]))
        >>> x.mean(0).abs().detach() < 1e-6
        tensor([True, True])
    """

    domain = constraints.real
    codomain = constraints.real
    bijective = True
    sign = 1
    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, input_dim: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.momentum = momentum
        self.epsilon = epsilon
        self.gamma = nn.Parameter(torch.ones(input_dim))
        self.beta = nn.Parameter(torch.zeros(input_dim))
        self.register_buffer("moving_mean", torch.zeros(input_dim))
        self.register_buffer("moving_variance", torch.ones(input_dim))

    @property
    def constrained_gamma(self) -> Tensor:
        r""":math:`\gamma`, kept positive."""
        return self.gamma.relu() + _LEAST

    def _call(self, x: Tensor) -> Tensor:
        scale = (self.moving_variance + self.epsilon).sqrt() / self.constrained_gamma
        return torch.addcmul(self.moving_mean, x - self.beta, scale)

    def _inverse(self, y: Tensor) -> Tensor:
        mean, variance = self._statistics(y)
        if self.training:
            with torch.no_grad():
                self.moving_mean.lerp_(mean, self.momentum)
                self.moving_variance.lerp_(variance, self.momentum)
        scale = self.constrained_gamma / (variance + self.epsilon).sqrt()
        return torch.addcmul(self.beta, y - mean, scale)

    def _statistics(self, y: Tensor) -> tuple[Tensor, Tensor]:
        if not self.training:
            return self.moving_mean, self.moving_variance
        rows = y.reshape(-1, y.shape[-1])
        if len(rows) < 2:
            raise ValueError(
                f"BatchNorm needs at least two rows in training, got a value of shape "
                f"{tuple(y.shape)}; call eval() to use the running averages"
            )
        variance, mean = torch.var_mean(rows, 0)
        return mean, variance

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the shape of ``x``; in training that of the batch's normalisation."""
        _, variance = self._statistics(y)
        log_det = (variance + self.epsilon).log() / 2 - self.constrained_gamma.log()
        return log_det.expand(broadcast_shape(log_det.shape, x.shape))


def batchnorm(input_dim: int, **kwargs: Any) -> BatchNorm:
    """A :class:`BatchNorm`."""
    return BatchNorm(input_dim, **kwargs)
