"""The law of von Mises and Fisher on the sphere in three dimensions."""

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
from pyro.ops.directions import unit_vector
from pyro.ops.fisher_density import log_fisher_density, mean_ratio
from pyro.ops.shapes import Numeric, tensor_like

_SCALAR = torch.Size()


class VonMises3D(TorchDistribution):
    r""":math:`f(x) = \frac{\kappa}{4\pi \sinh\kappa}\, e^{c^\top x},\quad \kappa = |c|`

    The distribution of von Mises and Fisher of directions in space, the maximum entropy law of a
    given mean vector; at :math:`c = 0` the uniform one.

    See Fisher (1953), *Dispersion on a Sphere*; draws follow Ulrich (1984), *Computer Generation of
    Distributions on the m-Sphere*.

    :param concentration: :math:`c`, a real vector of 3 entries, dimensions left of them are the
        batch: its direction is the location, its length the concentration :math:`\kappa`.  The
        support are the vectors of length one, and the density is with respect to area.
    :raises ShapeError: if ``concentration`` does not have 3 entries.

    Example::

        >>> d = dist.VonMises3D(torch.tensor([0.0, 3.0, 4.0]))
        >>> d.mean, d.log_prob(torch.tensor([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]]))
        (tensor([0.0000, 0.4801, 0.6401]), tensor([-0.2284, -5.2284]))
    """

    arg_constraints = {"concentration": tc.real_vector}
    support = constraints.sphere
    has_rsample = True

    def __init__(self, concentration: Numeric, validate_args: bool | None = None) -> None:
        self.concentration = tensor_like(concentration)
        shape = self.concentration.shape
        if shape[-1:] != (3,):
            raise ShapeError(
                "VonMises3D: concentration must have 3 entries along the last dimension, "
                f"got shape {tuple(shape)}; ProjectedNormal takes any number"
            )
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; accurate for any concentration."""
        return log_fisher_density(self.concentration, self._scored(value))

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        r"""A uniform direction moved along its meridian towards the location; differentiable.

        The height above the equator is drawn by inversion.  Beyond :math:`\kappa = 1` the uniform
        direction turns with the location, which keeps the variance of gradients low; below, it
        stays, so that they are bounded also where there is no location, at :math:`c = 0`.
        """
        c, shape = self.concentration, self.shape(sample_shape)
        noise = unit_vector(torch.randn(shape, dtype=c.dtype, device=c.device))
        squares = c.square().sum(-1, keepdim=True)
        flat = squares < torch.finfo(c.dtype).eps
        axis = torch.where(flat, torch.tensor([0.0, 0.0, 1.0]).to(c), c)
        kappa = torch.where(flat, 1, squares).sqrt()
        axis = axis / kappa
        start = torch.where(squares > 1, _reflect(noise, axis), noise)
        return torch.where(flat, unit_vector(noise + c / 2), _rise(start, axis, kappa))

    @property
    def mean(self) -> Tensor:
        r"""The mean vector :math:`(\coth\kappa - 1/\kappa)\, c/\kappa`, inside the sphere."""
        return self.concentration * mean_ratio(self.concentration.square().sum(-1, keepdim=True))

    @property
    def mode(self) -> Tensor:
        r"""The most likely direction :math:`c/\kappa`; the first axis where :math:`c = 0`."""
        return unit_vector(self.concentration)


def _reflect(x: Tensor, axis: Tensor) -> Tensor:
    """By the plane that takes the third axis, up or down, to ``axis``."""
    last = axis[..., 2:]
    normal = torch.cat([axis[..., :2], last + torch.where(last < 0, -1.0, 1.0).to(last)], -1)
    return x - normal * ((normal * x).sum(-1, keepdim=True) / (1 + last.abs()))


def _rise(start: Tensor, axis: Tensor, kappa: Tensor) -> Tensor:
    """The point of Fisher's law on the meridian of a uniform direction."""
    height = (start * axis).sum(-1, keepdim=True)
    across = start - height * axis
    width = across.square().sum(-1, keepdim=True)
    chance = torch.where(height > 0, width / (1 + height.abs()), 1 - height) / 2
    chance = chance.clamp(max=1 - torch.finfo(start.dtype).eps)
    depth = -torch.log1p(chance * torch.expm1(-2 * kappa)) / kappa
    stretch = (depth * (2 - depth) / width.clamp(min=torch.finfo(start.dtype).tiny)).sqrt()
    return unit_vector((1 - depth) * axis + stretch * across)
