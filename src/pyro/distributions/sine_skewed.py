"""Sine-skewed laws of angles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.directions import wrap_angle
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

_SCALAR = torch.Size()
_SLACK = 1e-5


class SineSkewed(TorchDistribution):
    r""":math:`f(x) = f_0(x) \left(1 + \sum_{j=1}^d \lambda_j \sin(x_j - \mu_j)\right)`

    A law of :math:`d` angles that is symmetric about its location :math:`\mu`, made asymmetric; the
    normalising constant stays what it is.

    See Ameijeiras-Alonso and Ley (2022), *Sine-Skewed Toroidal Distributions and their Application
    in Protein Bioinformatics*, Biostatistics 23, equation 2.1.

    :param base_dist: :math:`f_0`, over vectors of angles and symmetric about its ``mean``
        :math:`\mu`: a ``VonMises(...).to_event(1)``, a ``SineBivariateVonMises``, or a
        ``Uniform(-pi, pi)`` of event dimension 1.  Its event shape is ``(d,)``.
    :param skewness: :math:`\lambda`, a vector of d entries, :math:`\sum_j |\lambda_j| \le 1`; its
        batch shape broadcasts with that of ``base_dist``.
    :raises ShapeError: if ``base_dist`` is not over vectors or ``skewness`` has another length.
    :raises ValueError: if ``base_dist`` is over unit vectors, or, under validation, if the absolute
        values of ``skewness`` sum to more than 1, where the density would be negative.

    Example::

        >>> base = dist.VonMises(torch.zeros(1), torch.tensor([2.0])).to_event(1)
        >>> d = dist.SineSkewed(base, torch.tensor([0.9]))
        >>> d.log_prob(torch.tensor([[-1.0], [1.0]]))
        tensor([-2.9973, -1.0175])
    """

    arg_constraints = {"skewness": tc.independent(tc.interval(-1.0, 1.0), 1)}
    support = tc.independent(tc.real, 1)

    def __init__(
        self, base_dist: Any, skewness: Numeric, validate_args: bool | None = None
    ) -> None:
        skewness = tensor_like(skewness)
        _check_base(base_dist, skewness)
        batch_shape = broadcast_shape(base_dist.batch_shape, skewness.shape[:-1])
        self.base_dist = base_dist.expand(batch_shape)
        self.skewness = skewness.expand(batch_shape + skewness.shape[-1:])
        super().__init__(batch_shape, base_dist.event_shape, validate_args)
        if self._validate_args and (skewness.abs().sum(-1) > 1 + _SLACK).any():
            raise ValueError(
                "SineSkewed: the absolute values of skewness must sum to at most 1, "
                f"found {skewness.detach().abs().sum(-1).max().item():g}"
            )

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        tilt = (self.skewness * (value - self.base_dist.mean).sin()).sum(-1)
        return self.base_dist.log_prob(value) + tilt.clamp(min=-1.0).log1p()  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        r"""A draw of the base, mirrored at :math:`\mu` as often as the density asks for."""
        with torch.no_grad():
            x = self.base_dist.sample(torch.Size(sample_shape))
            away = x - self.base_dist.mean
            tilt = (self.skewness * away.sin()).sum(-1, keepdim=True)
            mirrored = 2 * torch.rand_like(tilt) > 1 + tilt
            return torch.where(mirrored, wrap_angle(x - 2 * away), x)

    def __repr__(self) -> str:
        return f"SineSkewed({self.base_dist!r}, skewness={tuple(self.skewness.shape)})"


def _check_base(base_dist: Any, skewness: Tensor) -> None:
    """The base is over vectors of angles, one for each entry of the skewness."""
    if len(base_dist.event_shape) != 1 or skewness.shape[-1:] != base_dist.event_shape:
        raise ShapeError(
            "SineSkewed: base_dist must be over vectors of d angles and skewness have d entries "
            f"along its last dimension, got event_shape {tuple(base_dist.event_shape)} and "
            f"skewness of shape {tuple(skewness.shape)}; .to_event(1) makes angles a vector"
        )
    if base_dist.support is constraints.sphere:
        raise ValueError(
            f"SineSkewed: {type(base_dist).__name__} is over unit vectors, whose entries are no "
            "angles; for one angle use VonMises(...).to_event(1)"
        )
