"""The Gaussian random walk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.start_values import broadcast_with_start, path_length
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.autoregression import LOG_SQRT_2PI, log_normal_total
from pyro.ops.shapes import Numeric

_SCALAR = torch.Size()


class GaussianRandomWalk(TorchDistribution):
    r""":math:`x_1 = \delta + \sigma\varepsilon_1,\quad x_t = x_{t-1} + \delta +
    \sigma\varepsilon_t,\quad \varepsilon_t \sim \mathcal N(0, 1)`

    A path that moves by independent normal increments: the prior of a level, a log-volatility or a
    coefficient that changes slowly in time.  Density and draws take O(T).

    See Durbin and Koopman (2012), *Time Series Analysis by State Space Methods*, 2.1 (local level)
    and 3.2 (with drift).

    :param scale: :math:`\sigma`, positive, the standard deviation of an increment.
    :param num_steps: The length T of the path, a positive int; the event shape is ``(num_steps,)``.
    :param drift: :math:`\delta`, real, the mean of an increment.  ``scale``, ``drift`` and the
        batch shape of ``init_dist`` broadcast to the batch shape.
    :param init_dist: The law of :math:`x_1`, a univariate distribution; the default is that of
        an increment, a walk that starts at zero before the first step.
    :raises ShapeError: if shapes do not broadcast, or ``init_dist`` is not univariate.

    Example::

        >>> d = dist.GaussianRandomWalk(0.5, num_steps=4)
        >>> d.variance, d.log_prob(torch.tensor([0.0, 0.5, 0.5, 1.0]))
        (tensor([0.2500, 0.5000, 0.7500, 1.0000]), tensor(-1.9032))
        >>> dist.GaussianRandomWalk(0.1, 3, drift=1.0, init_dist=dist.Normal(5.0, 2.0)).mean
        tensor([5., 6., 7.])
    """

    arg_constraints = {"scale": tc.positive, "drift": tc.real}
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        scale: Numeric = 1.0,
        num_steps: int = 1,
        drift: Numeric = 0.0,
        init_dist: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.num_steps = path_length("GaussianRandomWalk", num_steps)
        if init_dist is not None and init_dist.event_shape:
            raise ShapeError(
                "GaussianRandomWalk: init_dist is the law of one number, but its event_shape is "
                f"{tuple(init_dist.event_shape)}; independent walks belong in the batch shape"
            )
        (self.scale, self.drift), self.init_dist = broadcast_with_start(init_dist, scale, drift)
        self.has_rsample = init_dist is None or init_dist.has_rsample
        super().__init__(self.scale.shape, torch.Size((self.num_steps,)), validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Cumulative sums of increments; differentiable if ``init_dist`` is."""
        scale, drift = self.scale.unsqueeze(-1), self.drift.unsqueeze(-1)
        noise = torch.randn(self.shape(sample_shape), dtype=scale.dtype, device=scale.device)
        steps = drift + scale * noise
        if self.init_dist is not None:
            start = self.init_dist(torch.Size(sample_shape)).unsqueeze(-1)
            steps = torch.cat([start, steps[..., 1:]], -1)
        return steps.cumsum(-1)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        steps = value[..., 1:] - value[..., :-1]
        if self.init_dist is None:
            steps = torch.cat([value[..., :1], steps], -1)
        total = log_normal_total(steps - self.drift.unsqueeze(-1), self.scale)
        if self.init_dist is None:
            return total
        return total + self.init_dist.log_prob(value[..., 0])  # type: ignore[no-any-return]

    def entropy(self) -> Tensor:
        """That of the increments and of the first value."""
        start = 0 if self.init_dist is None else self.init_dist.entropy()
        steps = self.num_steps - (self.init_dist is not None)
        return start + steps * (self.scale.log() + (0.5 + LOG_SQRT_2PI))

    @property
    def mean(self) -> Tensor:
        r""":math:`t\delta`, or :math:`\mathrm E\,x_1 + (t-1)\delta`."""
        path = self.drift.unsqueeze(-1) * self._steps_so_far()
        return path if self.init_dist is None else path + self.init_dist.mean.unsqueeze(-1)

    @property
    def variance(self) -> Tensor:
        r""":math:`t\sigma^2`, or :math:`\mathrm{Var}\,x_1 + (t-1)\sigma^2`."""
        path = self.scale.square().unsqueeze(-1) * self._steps_so_far()
        return path if self.init_dist is None else path + self.init_dist.variance.unsqueeze(-1)

    def _steps_so_far(self) -> Tensor:
        """How many increments stand behind each value."""
        first = 1 if self.init_dist is None else 0
        like = self.scale
        return torch.arange(first, first + self.num_steps, dtype=like.dtype, device=like.device)
