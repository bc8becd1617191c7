"""Base of the mixtures of normal vectors with diagonal covariance matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.mixture_gradient import mixture_draws
from pyro.ops.shapes import Numeric, as_tensors

_SCALAR = torch.Size()


class NormalMixture(TorchDistribution):
    r""":math:`f(x) = \sum_k w_k \prod_d \varphi((x_d - \mu_{kd})/\sigma_{kd})/\sigma_{kd}`

    A subclass tells ``infer_shapes`` and ``_scales``.

    Example::

        >>> locs, scale = torch.tensor([[0.0, 0.0], [3.0, 1.0]]), torch.ones(2)
        >>> d = dist.MixtureOfDiagNormalsSharedCovariance(locs, scale, torch.zeros(2))
        >>> type(d).__mro__[1].__name__, d.mean
        ('NormalMixture', tensor([1.5000, 0.5000]))
    """

    support = tc.real_vector
    has_rsample = True

    arg_constraints: dict[str, Any]

    def __init__(
        self,
        locs: Numeric,
        coord_scale: Numeric,
        component_logits: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        locs, scale, logits = as_tensors(locs, coord_scale, component_logits)
        batch, event = self.infer_shapes(
            locs=locs.shape, coord_scale=scale.shape, component_logits=logits.shape
        )
        self.locs = locs.expand(batch + locs.shape[-2:])
        own = self.arg_constraints["coord_scale"].event_dim
        self.coord_scale = scale.expand(batch + scale.shape[-own:])
        self.component_logits = logits.expand(batch + logits.shape[-1:])
        super().__init__(batch, event, validate_args)

    @property
    def _scales(self) -> Tensor:
        """Of shape ``batch_shape + (k, n)``, or ``batch_shape + (1, n)`` if they are shared."""
        raise NotImplementedError

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Draw, with gradients for all parameters."""
        with torch.no_grad():
            shape, count = self.shape(sample_shape), self.component_logits.shape[-1]
            which = draw_component(self.component_logits, sample_shape)[..., None, None]
            which = which.expand(shape[:-1] + (1,) + shape[-1:])
            every = shape[:-1] + (count,) + shape[-1:]
            locs = self.locs.expand(every).gather(-2, which).squeeze(-2)
            scales = self._scales.expand(every).gather(-2, which).squeeze(-2)
            draws = locs + scales * torch.randn_like(locs)
        return mixture_draws(draws, self.locs, self._scales, self.component_logits)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value, scales = self._scored(value), self._scales
        square = ((value.unsqueeze(-2) - self.locs) / scales).square().sum(-1)
        shift = self.component_logits.log_softmax(-1) - scales.log().sum(-1)
        total = (shift - 0.5 * square).logsumexp(-1)
        return total - 0.5 * self._event_shape[0] * math.log(2 * math.pi)  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        """The weighted sum of the components' means."""
        return self._average(self.locs)

    @property
    def variance(self) -> Tensor:
        """The average of the components' variances, plus the variance of their means."""
        spread = (self.locs - self.mean.unsqueeze(-2)).square()
        return self._average(self._scales.square() + spread)

    def _average(self, values: Tensor) -> Tensor:
        return (self.component_logits.softmax(-1).unsqueeze(-1) * values).sum(-2)


def draw_component(logits: Tensor, sample_shape: Sequence[int]) -> Tensor:
    """Numbers of components, of shape ``sample_shape + batch_shape``."""
    components = td.Categorical(logits=logits, validate_args=False)
    return components.sample(torch.Size(sample_shape))  # type: ignore[no-any-return]
