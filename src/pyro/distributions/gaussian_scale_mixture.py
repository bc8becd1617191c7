"""Mixtures of centred normal vectors that differ in scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.normal_mixture import draw_component
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.mixture_gradient import scale_mixture_draws
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_SCALAR = torch.Size()


class GaussianScaleMixture(TorchDistribution):
    r""":math:`f(x) = \sum_k w_k \prod_d \varphi(x_d/(s_k\sigma_d))/(s_k\sigma_d),\quad
    w = \mathrm{softmax}(\ell)`

    Normal vectors around zero whose length is more variable than that of one normal law: a
    heavy-tailed building block.  Draws are differentiable, also with respect to the weights.

    Jankowiak and Karaletsos (2019), *Pathwise Derivatives for Multivariate Distributions*.

    :param coord_scale: The scales :math:`\sigma` of the entries, positive, of shape
        ``batch_shape + (n,)``.
    :param component_logits: :math:`\ell`, real, of shape ``batch_shape + (k,)``.
    :param component_scale: The scales :math:`s` of the components, positive, of shape
        ``batch_shape + (k,)``.  The support are real vectors of :math:`n` entries.
    :raises ShapeError: if the shapes do not fit together.

    Example::

        >>> scale = torch.tensor([1.0, 5.0])
        >>> d = dist.GaussianScaleMixture(torch.ones(3), torch.tensor([1.0, 0.0]), scale)
        >>> d.variance, d.log_prob(torch.zeros(3))
        (tensor([7.4546, 7.4546, 7.4546]), tensor(-3.0671))
    """

    arg_constraints = {
        "coord_scale": tc.independent(tc.positive, 1),
        "component_logits": tc.real_vector,
        "component_scale": tc.independent(tc.positive, 1),
    }
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        coord_scale: Numeric,
        component_logits: Numeric,
        component_scale: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        coord, logits, scale = as_tensors(coord_scale, component_logits, component_scale)
        batch, event = self.infer_shapes(
            coord_scale=coord.shape, component_logits=logits.shape, component_scale=scale.shape
        )
        self.coord_scale = coord.expand(batch + event)
        self.component_logits = logits.expand(batch + logits.shape[-1:])
        self.component_scale = scale.expand(batch + scale.shape[-1:])
        super().__init__(batch, event, validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of the three parameters."""
        coord, logits, scale = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        if not coord or not logits or scale[-1:] != logits[-1:]:
            raise ShapeError(
                "GaussianScaleMixture takes coord_scale of shape (..., n), component_logits and "
                f"component_scale (..., k), got {tuple(coord)}, {tuple(logits)}, {tuple(scale)}"
            )
        return broadcast_shape(coord[:-1], logits[:-1], scale[:-1]), coord[-1:]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Draw, with gradients for all parameters."""
        with torch.no_grad():
            which = draw_component(self.component_logits, sample_shape).unsqueeze(-1)
            every = which.shape[:-1] + self.component_scale.shape[-1:]
            scale = self.component_scale.expand(every).gather(-1, which)
            shape = self.shape(sample_shape)
            draws = scale * torch.randn(shape, dtype=scale.dtype, device=scale.device)
        draws = scale_mixture_draws(draws, self.component_scale, self.component_logits)
        return draws * self.coord_scale

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        n = self._event_shape[0]
        square = (self._scored(value) / self.coord_scale).square().sum(-1, keepdim=True)
        shift = self.component_logits.log_softmax(-1) - n * self.component_scale.log()
        total = (shift - 0.5 * square / self.component_scale.square()).logsumexp(-1)
        return total - self.coord_scale.log().sum(-1) - 0.5 * n * math.log(2 * math.pi)

    @property
    def mean(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.coord_scale)

    @property
    def variance(self) -> Tensor:
        r""":math:`\sigma^2 \sum_k w_k s_k^2`."""
        weights = self.component_logits.softmax(-1)
        spread = (weights * self.component_scale.square()).sum(-1, keepdim=True)
        return self.coord_scale.square() * spread
