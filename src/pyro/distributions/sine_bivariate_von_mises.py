"""The sine model of two angles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.directions import wrap_angle
from pyro.ops.shapes import Numeric, broadcast_shape, broadcast_tensors
from pyro.ops.sine_bivariate import draw_marginal, log_sine_constant
from pyro.ops.von_mises_draw import draw_von_mises

_SCALAR = torch.Size()


class SineBivariateVonMises(TorchDistribution):
    r""":math:`f(\phi, \psi) = C^{-1} \exp(\kappa_1 \cos(\phi - \mu_1) + \kappa_2 \cos(\psi - \mu_2)
    + \rho \sin(\phi - \mu_1) \sin(\psi - \mu_2))`

    Two dependent angles, such as the torsion angles of a protein's backbone.  The law has one mode
    where :math:`\rho^2 \le \kappa_1 \kappa_2` and two beyond; both are exact and drawn at the same
    cost, for any concentrations.

    See Singh, Hnizdo and Demchuk (2002), *Probabilistic Model for Two Dependent Circular
    Variables*; draws of one angle and then of the other as in Kent, Ganeiber and Mardia (2018),
    *A New Unified Approach for the Simulation of a Wide Class of Directional Distributions*.

    :param phi_loc: :math:`\mu_1`, an angle in radians; all parameters broadcast to the batch shape.
    :param psi_loc: :math:`\mu_2`, an angle in radians.
    :param phi_concentration: :math:`\kappa_1`, positive.
    :param psi_concentration: :math:`\kappa_2`, positive.
    :param correlation: :math:`\rho`, real.
    :param weighted_correlation: :math:`\rho / \sqrt{\kappa_1 \kappa_2}`, in place of
        ``correlation``: the law has one mode if it is between -1 and 1.
    :raises ValueError: unless one of ``correlation`` and ``weighted_correlation`` is given.

    Example::

        >>> d = dist.SineBivariateVonMises(0.0, 1.0, 3.0, 4.0, weighted_correlation=0.5)
        >>> d.norm_const, d.log_prob(torch.tensor([[0.0, 1.0], [0.5, 1.5]]))
        (tensor(7.7757), tensor([-0.7757, -1.2345]))
    """

    arg_constraints = {
        "phi_loc": tc.real,
        "psi_loc": tc.real,
        "phi_concentration": tc.positive,
        "psi_concentration": tc.positive,
        "correlation": tc.real,
    }
    support = tc.independent(tc.real, 1)
    max_sample_iter = 1000
    """After how many rounds of rejection to give up; a few always suffice."""

    def __init__(
        self,
        phi_loc: Numeric,
        psi_loc: Numeric,
        phi_concentration: Numeric,
        psi_concentration: Numeric,
        correlation: Numeric = None,
        weighted_correlation: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if (correlation is None) == (weighted_correlation is None):
            raise ValueError(
                "SineBivariateVonMises takes either correlation or weighted_correlation, not both"
            )
        coupling = weighted_correlation if correlation is None else correlation
        phi_loc, psi_loc, phi, psi, coupling = broadcast_tensors(
            phi_loc, psi_loc, phi_concentration, psi_concentration, coupling
        )
        if correlation is None:
            coupling = coupling * phi.sqrt() * psi.sqrt()
        self.phi_loc, self.psi_loc = phi_loc, psi_loc
        self.phi_concentration, self.psi_concentration = phi, psi
        self.correlation = coupling
        super().__init__(phi_loc.shape, torch.Size((2,)), validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """All parameters are of the batch shape; an event is two angles."""
        return broadcast_shape(*(tuple(s) for s in arg_shapes.values())), torch.Size((2,))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def _constant(self) -> Tensor:
        """Less both concentrations, relative to the value at the location."""
        return log_sine_constant(self.phi_concentration, self.psi_concentration, self.correlation)

    @property
    def norm_const(self) -> Tensor:
        r"""The logarithm of the normalising constant, :math:`\log C`."""
        return self._constant() + self.phi_concentration + self.psi_concentration

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; accurate for any concentrations."""
        value = self._scored(value)
        phi, psi = (value[..., 0] - self.phi_loc) / 2, (value[..., 1] - self.psi_loc) / 2
        sine, other = phi.sin(), psi.sin()
        coupled = 4 * self.correlation * sine * phi.cos() * other * psi.cos()
        falls = self.phi_concentration * sine.square() + self.psi_concentration * other.square()
        result: Tensor = coupled - 2 * falls - self._constant()
        return result

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        r"""The first angle by rejection, then the second, which is von Mises; in [-pi, pi).

        :raises ValueError: if ``max_sample_iter`` rounds do not suffice.
        """
        with torch.no_grad():
            sizes = torch.Size(sample_shape) + self._batch_shape
            a, b, rho = (
                p.double().flatten()
                for p in (self.phi_concentration, self.psi_concentration, self.correlation)
            )
            count = torch.Size(sample_shape).numel()
            phi = draw_marginal(a, b, rho, count, self.max_sample_iter).T
            if phi.isnan().any():
                raise ValueError(
                    f"SineBivariateVonMises: no draw after {self.max_sample_iter} rounds; "
                    "increase max_sample_iter, and check that the parameters are finite"
                )
            lift = rho * phi.sin()
            psi = torch.atan2(lift, b) + draw_von_mises(torch.hypot(lift, b))
            angles = torch.stack([phi.reshape(sizes), psi.reshape(sizes)], -1)
            result: Tensor = wrap_angle(angles + self.mean.double()).to(self.phi_loc.dtype)
            return result

    @property
    def mean(self) -> Tensor:
        r"""The location :math:`(\mu_1, \mu_2)`, which is the mean direction of each angle."""
        return torch.stack([self.phi_loc, self.psi_loc], -1)
