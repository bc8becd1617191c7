"""Families that hide that they are reparameterisable, to exercise score-function gradients."""

from __future__ import annotations

from pyro.distributions.beta import Beta
from pyro.distributions.dirichlet import Dirichlet
from pyro.distributions.gamma import Gamma
from pyro.distributions.normal import Normal


class NonreparameterizedBeta(Beta):
    """Beta whose draws carry no gradient."""

    has_rsample = False


class NonreparameterizedDirichlet(Dirichlet):
    """Dirichlet whose draws carry no gradient."""

    has_rsample = False


class NonreparameterizedGamma(Gamma):
    """Gamma whose draws carry no gradient."""

    has_rsample = False


class NonreparameterizedNormal(Normal):
    """Normal whose draws carry no gradient."""

    has_rsample = False
