"""The autoregressive process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.start_values import (
    StationaryStart,
    broadcast_with_start,
    covariance,
    path_length,
    start_law,
)
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.autoregression import (
    LOG_SQRT_2PI,
    companion,
    linear_recurrence,
    log_normal_total,
    residuals,
    stationary_precision,
)
from pyro.ops.shapes import Numeric, as_tensors

_SCALAR = torch.Size()


class AutoRegressive(TorchDistribution):
    r""":math:`x_t = c + \varphi_1 x_{t-1} + \dots + \varphi_p x_{t-p} + \sigma\varepsilon_t,\quad
    \varepsilon_t \sim \mathcal N(0, 1)`

    A path of an autoregressive process of order p, AR(p), with its exact density: that of the first
    p values times that of the other values given those before them.  Density and draws have no loop
    over time.

    See Brockwell and Davis (1991), *Time Series: Theory and Methods*, 3.1 and 8.7; Siddiqui (1958),
    *On the Inversion of the Sample Covariance Matrix in a Stationary Autoregressive Process*, for
    the stationary law.

    :param coefficients: :math:`\varphi`, a real vector ``(..., p)``, that of lag one first; a
        number is an AR(1).
    :param scale: :math:`\sigma`, positive, the standard deviation of the innovations.
    :param num_steps: The length T of the path, an int of at least p; the event shape is
        ``(num_steps,)``.
    :param constant: :math:`c`, real.  A stationary process has the mean
        :math:`c / (1 - \sum_k \varphi_k)`.
    :param init_dist: The law of the first p values: a distribution over vectors of p numbers, or a
        univariate one from which each of them is drawn independently.  The default is the
        stationary law of the process.  All broadcast to the batch shape.
    :raises ShapeError: if shapes do not fit together.
    :raises ValueError: if there is no ``init_dist``, and the coefficients are not those of a
        stationary process (under validation).

    Example::

        >>> d = dist.AutoRegressive([0.5, 0.3], 1.0, num_steps=4, constant=0.2)
        >>> d.mean, d.variance
        (tensor([1.0000, 1.0000, 1.0000, 1.0000]), tensor([2.2436, 2.2436, 2.2436, 2.2436]))
        >>> walk = dist.AutoRegressive(1.0, 0.1, num_steps=3, init_dist=dist.Normal(0.0, 1.0))
        >>> walk.variance
        tensor([1.0000, 1.0100, 1.0200])
    """

    arg_constraints = {"coefficients": tc.real_vector, "scale": tc.positive, "constant": tc.real}
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        coefficients: Numeric,
        scale: Numeric = 1.0,
        num_steps: int = 1,
        constant: Numeric = 0.0,
        init_dist: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        coefficients, scale, constant = as_tensors(coefficients, scale, constant)
        if coefficients.dim() == 0:
            coefficients = coefficients.unsqueeze(0)
        self.num_steps = path_length("AutoRegressive", num_steps)
        order = coefficients.shape[-1]
        if not 1 <= order <= num_steps:
            raise ShapeError(
                f"AutoRegressive: num_steps={num_steps} is less than the order, "
                f"{order}, by the shape {tuple(coefficients.shape)} of coefficients"
                if order
                else "AutoRegressive: coefficients of shape (..., 0); give at least one"
            )
        start = start_law("AutoRegressive", init_dist, order)
        tensors, start = broadcast_with_start(
            start, coefficients, scale, constant, event_dims=(1, 0, 0)
        )
        self.coefficients, self.scale, self.constant = tensors
        super().__init__(self.scale.shape, torch.Size((self.num_steps,)), validate_args)
        self.init_dist = self._stationary_start() if start is None else start
        self.has_rsample = self.init_dist.has_rsample

    def _stationary_start(self) -> StationaryStart:
        factor, info = torch.linalg.cholesky_ex(stationary_precision(self.coefficients))
        if self._validate_args and info.any():
            radius = torch.linalg.eigvals(companion(self.coefficients)).abs().amax(-1)
            raise ValueError(
                "AutoRegressive: these coefficients have no stationary law: a root of their "
                "characteristic polynomial has modulus up to "
                f"{radius.max():.6g}, which must be below 1.  Give init_dist, the law of the first "
                f"{self.coefficients.shape[-1]} values, to use them nevertheless"
            )
        loc = self.constant / (1 - self.coefficients.sum(-1))
        return StationaryStart(loc, self.scale, factor)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Impossible: the event shape is ``num_steps``, not a shape of an argument.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("AutoRegressive.infer_shapes: the event shape is (num_steps,)")

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A path in O(log T) steps; differentiable if ``init_dist`` is."""
        start = self.init_dist(torch.Size(sample_shape))
        shape = (*start.shape[:-1], self.num_steps - start.shape[-1])
        noise = torch.randn(shape, dtype=self.scale.dtype, device=self.scale.device)
        return self._path(start, self.constant.unsqueeze(-1) + self.scale.unsqueeze(-1) * noise)

    def _path(self, start: Tensor, inputs: Tensor) -> Tensor:
        """The first values, and those that follow from them and from the inputs."""
        order, start = start.shape[-1], start.to(self.scale.dtype)
        states = torch.nn.functional.pad(inputs.unsqueeze(-1), (0, order - 1))
        states = torch.cat([start.flip(-1).unsqueeze(-2), states], -2)
        rest = linear_recurrence(companion(self.coefficients), states)[..., 1:, 0]
        return torch.cat([start, rest], -1)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        noise = residuals(value, self.coefficients) - self.constant.unsqueeze(-1)
        start = value[..., : self.coefficients.shape[-1]]
        return self.init_dist.log_prob(start) + log_normal_total(noise, self.scale)

    def entropy(self) -> Tensor:
        """That of the innovations and of the first values."""
        steps = self.num_steps - self.coefficients.shape[-1]
        innovation = self.scale.log() + (0.5 + LOG_SQRT_2PI)
        return self.init_dist.entropy() + steps * innovation

    @property
    def mean(self) -> Tensor:
        """The path without innovations from the mean of the first values."""
        start = self.init_dist.mean
        steps = self.num_steps - start.shape[-1]
        return self._path(start, self.constant.unsqueeze(-1).expand(*start.shape[:-1], steps))

    @property
    def variance(self) -> Tensor:
        """What the first values leave, and the squared responses to innovations since."""
        order = self.coefficients.shape[-1]
        inner = covariance(self.init_dist).to(self.scale.dtype)
        first = inner.diagonal(dim1=-2, dim2=-1)
        inner = inner.flip(-1, -2)
        unit = (
            torch.zeros_like(first).unsqueeze(-2).repeat_interleave(self.num_steps - order + 1, -2)
        )
        unit[..., 0, 0] = 1
        rows = linear_recurrence(companion(self.coefficients).mT, unit)
        fading = (rows @ inner * rows).sum(-1)[..., 1:]
        gained = self.scale.square().unsqueeze(-1) * rows[..., :-1, 0].square().cumsum(-1)
        return torch.cat([first, fading + gained], -1)
