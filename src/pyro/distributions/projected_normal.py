"""The projected normal distribution of directions."""

from __future__ import annotations

import math
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
from pyro.ops.radial_moment import log_radial_moment
from pyro.ops.shapes import Numeric, tensor_like

_SCALAR = torch.Size()
_LOG_2PI = math.log(2 * math.pi)


class ProjectedNormal(TorchDistribution):
    r""":math:`f(x) = (2\pi)^{-n/2}\, e^{-|\mu - t x|^2/2} \int_0^\infty r^{n-1} e^{-(r-t)^2/2}\,dr,
    \quad t = \mu^\top x`

    The direction :math:`z/|z|` of a normal vector :math:`z \sim \mathcal N(\mu, I)`: a law on the
    sphere like the one of von Mises and Fisher, whose draws are differentiable in any dimension.

    See Hernandez-Stumpfhauser, Breidt and van der Woerd (2017), *The General Projected Normal
    Distribution of Arbitrary Dimension: Modeling and Bayesian Inference*, section 2.

    :param concentration: :math:`\mu`, a real vector of :math:`n \ge 1` entries, dimensions left of
        them are the batch: its direction is the location, its length the concentration.  The
        support are the vectors of length one, and the density is with respect to area (length of
        arc for :math:`n = 2`).
    :raises ShapeError: if ``concentration`` is not a vector.

    Example::

        >>> d = dist.ProjectedNormal(torch.tensor([0.0, 3.0, 4.0]))
        >>> d.mean, d.log_prob(torch.tensor([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]]))
        (tensor([0.0000, 0.6000, 0.8000]), tensor([  1.4202, -15.0310]))
    """

    arg_constraints = {"concentration": tc.real_vector}
    support = constraints.sphere
    has_rsample = True

    def __init__(self, concentration: Numeric, validate_args: bool | None = None) -> None:
        self.concentration = tensor_like(concentration)
        shape = self.concentration.shape
        if not shape or not shape[-1]:
            raise ShapeError(
                "ProjectedNormal: concentration must be a vector along the last dimension, "
                f"got shape {tuple(shape)}"
            )
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; accurate for any concentration."""
        value = self._scored(value)
        n = self._event_shape[0]
        along = (self.concentration * value).sum(-1)
        across = torch.addcmul(self.concentration, along.unsqueeze(-1), value, value=-1)
        squares = across.square().sum(-1)
        return torch.sub(log_radial_moment(n - 1, along) - n * _LOG_2PI / 2, squares, alpha=0.5)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """The direction of a normal draw; differentiable."""
        shape = self.shape(sample_shape)
        mu = self.concentration
        return unit_vector(mu + torch.randn(shape, dtype=mu.dtype, device=mu.device))

    @property
    def mean(self) -> Tensor:
        r"""The direction :math:`\mu/|\mu|`, whose mean squared distance on the sphere is least.

        Where :math:`\mu = 0`, and every direction is as good, the first axis.
        """
        return unit_vector(self.concentration)

    @property
    def mode(self) -> Tensor:
        """The most likely direction, which is the mean."""
        return self.mean
