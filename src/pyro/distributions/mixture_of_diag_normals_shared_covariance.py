"""Mixtures of normal vectors that share a diagonal covariance matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.normal_mixture import NormalMixture
from pyro.errors import ShapeError
from pyro.ops.shapes import broadcast_shape


class MixtureOfDiagNormalsSharedCovariance(NormalMixture):
    r""":math:`f(x) = \sum_k w_k \prod_d \varphi((x_d - \mu_{kd})/\sigma_d)/\sigma_d,\quad
    w = \mathrm{softmax}(\ell)`

    Normal vectors of one shape around several centres; draws are differentiable, also with respect
    to the weights.

    Jankowiak and Karaletsos (2019), *Pathwise Derivatives for Multivariate Distributions*.

    :param locs: The centres :math:`\mu`, real, of shape ``batch_shape + (k, n)``.
    :param coord_scale: The standard deviations :math:`\sigma`, positive, of shape
        ``batch_shape + (n,)``.
    :param component_logits: :math:`\ell`, real, of shape ``batch_shape + (k,)``.  The support are
        real vectors of :math:`n` entries.
    :raises ShapeError: if the shapes do not fit together.

    Example::

        >>> locs = torch.tensor([[0.0, 0.0], [4.0, 2.0]])
        >>> d = dist.MixtureOfDiagNormalsSharedCovariance(locs, torch.ones(2), torch.zeros(2))
        >>> d.variance, d.log_prob(torch.tensor([4.0, 2.0]))
        (tensor([5., 2.]), tensor(-2.5310))
    """

    arg_constraints = {
        "locs": tc.independent(tc.real, 2),
        "coord_scale": tc.independent(tc.positive, 1),
        "component_logits": tc.real_vector,
    }

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of the three parameters."""
        locs, scale, logits = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        if len(locs) < 2 or scale[-1:] != locs[-1:] or logits[-1:] != locs[-2:-1]:
            raise ShapeError(
                "MixtureOfDiagNormalsSharedCovariance takes locs of shape (..., k, n), coord_scale "
                f"(..., n) and component_logits (..., k), got {tuple(locs)}, {tuple(scale)}, "
                f"{tuple(logits)}"
            )
        return broadcast_shape(locs[:-2], scale[:-1], logits[:-1]), locs[-1:]

    @property
    def _scales(self) -> Tensor:
        return self.coord_scale.unsqueeze(-2)
