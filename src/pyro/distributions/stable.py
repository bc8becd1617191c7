"""Levy's stable distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.univariate import (
    UnivariateDistribution,
    standard_exponential,
    standard_uniform,
)
from pyro.ops.shapes import Numeric
from pyro.ops.stable import stable_tau, standard_stable, standard_stable_log_prob

_SCALAR = torch.Size()


class Stable(UnivariateDistribution):
    r"""The limits of sums of independent variables: :math:`S^0_\alpha(\beta, \sigma, \mu)`.

    The characteristic function is :math:`\log\varphi(u) = iu\mu - |\sigma u|^\alpha (1 + i\beta
    \tan\tfrac{\pi\alpha}{2}\, \mathrm{sign}(u) (|\sigma u|^{1-\alpha} - 1))`; the density has
    no closed form, but

    .. math:: f(x) = \frac{1}{\pi\sigma} \frac{\alpha}{|1-\alpha|\,|z-\zeta|} \int w\, e^{-w}\, dV,
        \quad z = (x-\mu)/\sigma,\ \zeta = -\beta\tan\tfrac{\pi\alpha}{2}

    ``log_prob`` integrates numerically, some hundred times the cost of a normal density; its
    relative error is below 1e-5.  Draws cost little and are differentiable in all parameters.

    See Nolan (1997), *Numerical Calculation of Stable Densities and Distribution Functions*;
    Chambers, Mallows and Stuck (1976), *A Method for Simulating Stable Random Variables*.

    :param stability: :math:`\alpha`, in (0, 2]; broadcasts with the others to the batch shape.
    :param skew: :math:`\beta`, in [-1, 1].
    :param scale: :math:`\sigma`, positive.
    :param loc: :math:`\mu`, real: in the coordinates "S0" continuous in ``stability``.
    :param coords: "S0" (Nolan's) or "S", in which ``loc`` is the mean where there is one, and
        which is discontinuous at stability 1, where both agree.
    :raises ValueError: for other coordinates.

    Example::

        >>> d = dist.Stable(stability=1.5, skew=0.4, scale=1.3, loc=0.2)
        >>> d.mean, d.log_prob(torch.tensor([-1.0, 0.0, 2.0]))
        (tensor(0.7200), tensor([-1.7864, -1.5168, -2.1390]))
    """

    arg_constraints = {
        "stability": tc.interval(0, 2),
        "skew": tc.interval(-1, 1),
        "scale": tc.positive,
        "loc": tc.real,
    }
    support = tc.real
    has_rsample = True
    stability: Tensor
    skew: Tensor
    scale: Tensor
    loc: Tensor

    def __init__(
        self,
        stability: Numeric,
        skew: Numeric,
        scale: Numeric = 1.0,
        loc: Numeric = 0.0,
        coords: str = "S0",
        validate_args: bool | None = None,
    ) -> None:
        if coords not in ("S0", "S"):
            raise ValueError(f"Stable: expected coords 'S0' or 'S', but got {coords!r}")
        self.coords = coords
        self._set(validate_args, stability=stability, skew=skew, scale=scale, loc=loc)

    def _center(self) -> Tensor:
        """The location in the coordinates S0."""
        if self.coords == "S0":
            return self.loc
        eps = 1 - self.stability
        at_one = eps == 0
        tangent = stable_tau(self.stability, self.skew) / torch.where(at_one, 1.0, eps)
        return self.loc + self.scale * torch.where(at_one, 0.0, tangent)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable once."""
        z = (self._scored(value) - self._center()) / self.scale
        return standard_stable_log_prob(self.stability, self.skew, z) - self.scale.log()

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        shape = self.shape(sample_shape)
        angle = (standard_uniform(self.loc, shape) - 0.5) * math.pi
        noise = standard_exponential(self.loc, shape)
        noise = noise.clamp(min=torch.finfo(noise.dtype).tiny)
        return self._center() + self.scale * standard_stable(
            self.stability, self.skew, angle, noise
        )

    @property
    def mean(self) -> Tensor:
        """Of the coordinates S the location, where stability exceeds 1; nan elsewhere."""
        eps = 1 - self.stability
        exists = eps < 0
        tangent = stable_tau(self.stability, self.skew) / torch.where(exists, eps, 1.0)
        mean = self._center() - self.scale * tangent
        return torch.where(exists, mean, math.nan)

    @property
    def variance(self) -> Tensor:
        """Infinite, but at stability 2."""
        return torch.where(self.stability == 2, 2 * self.scale.square(), math.inf)
