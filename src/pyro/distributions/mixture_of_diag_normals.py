"""Mixtures of normal vectors with diagonal covariance matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.normal_mixture import NormalMixture
from pyro.errors import ShapeError
from pyro.ops.shapes import broadcast_shape


class MixtureOfDiagNormals(NormalMixture):
    r""":math:`f(x) = \sum_k w_k \prod_d \varphi((x_d - \mu_{kd})/\sigma_{kd})/\sigma_{kd},\quad
    w = \mathrm{softmax}(\ell)`

    Normal vectors around several centres, for variational posteriors with several modes: draws are
    differentiable, also with respect to the weights.

    Jankowiak and Karaletsos (2019), *Pathwise Derivatives for Multivariate Distributions*.

    :param locs: The centres :math:`\mu`, real, of shape ``batch_shape + (k, n)``.
    :param coord_scale: The standard deviations :math:`\sigma`, positive, of the same shape.
    :param component_logits: :math:`\ell`, real, of shape ``batch_shape + (k,)``.  The support are
        real vectors of :math:`n` entries.
    :raises ShapeError: if the shapes do not fit together.

    Example::

        >>> locs = torch.tensor([[0.0, 0.0], [4.0, 2.0]])
        >>> logits = torch.zeros(2, requires_grad=True)
        >>> d = dist.MixtureOfDiagNormals(locs, torch.ones(2, 2), logits)
        >>> d.rsample((10000,)).mean(0)[0].backward()
        >>> d.mean, logits.grad.round()
        (tensor([2., 1.], grad_fn=<SumBackward1>), tensor([-1.,  1.]))
    """

    arg_constraints = {
        "locs": tc.independent(tc.real, 2),
        "coord_scale": tc.independent(tc.positive, 2),
        "component_logits": tc.real_vector,
    }

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of the three parameters."""
        locs, scale, logits = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        if len(locs) < 2 or scale[-2:] != locs[-2:] or logits[-1:] != locs[-2:-1]:
            raise ShapeError(
                "MixtureOfDiagNormals takes locs and coord_scale of shape (..., k, n) and "
                f"component_logits (..., k), got {tuple(locs)}, {tuple(scale)}, {tuple(logits)}"
            )
        return broadcast_shape(locs[:-2], scale[:-2], logits[:-1]), locs[-1:]

    @property
    def _scales(self) -> Tensor:
        return self.coord_scale
