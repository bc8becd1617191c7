"""Families that a change of location and scale only moves and stretches."""

from __future__ import annotations

from typing import Any

from pyro.distributions.asymmetric_laplace import AsymmetricLaplace
from pyro.distributions.generalized_pareto import GeneralizedPareto
from pyro.distributions.logistic import Logistic
from pyro.distributions.normal import Normal
from pyro.distributions.skew_logistic import SkewLogistic
from pyro.distributions.skew_normal import SkewNormal
from pyro.distributions.soft_asymmetric_laplace import SoftAsymmetricLaplace
from pyro.distributions.soft_laplace import SoftLaplace
from pyro.distributions.stable import Stable
from pyro.distributions.torch_real import Cauchy, Gumbel, Laplace, StudentT

_SHAPE_PARAMS: dict[type, tuple[str, ...]] = {
    AsymmetricLaplace: ("asymmetry",),
    Cauchy: (),
    GeneralizedPareto: ("concentration",),
    Gumbel: (),
    Laplace: (),
    Logistic: (),
    Normal: (),
    SkewLogistic: ("asymmetry",),
    SkewNormal: ("skew",),
    SoftAsymmetricLaplace: ("asymmetry", "softness"),
    SoftLaplace: (),
    Stable: ("stability", "skew", "coords"),
    StudentT: ("df",),
}


def register_loc_scale(family: type, shape_params: tuple[str, ...] = ()) -> None:
    r"""Declare that :math:`\mu + \sigma X` has a family's law of these ``loc`` and ``scale``.

    :math:`X` is a draw with ``loc=0, scale=1`` and the same shape parameters.

    :param family: A class with constructor arguments and attributes ``loc`` and ``scale``.
    :param shape_params: The other arguments of the constructor, attributes too.

    Example::

        >>> from pyro.infer.reparam.loc_scale_families import register_loc_scale
        >>> class Bell(dist.Normal):
        ...     "A normal law by another name."
        >>> register_loc_scale(Bell)
    """
    _SHAPE_PARAMS[family] = tuple(shape_params)


def loc_scale_params(fn: Any) -> tuple[str, ...] | None:
    """The shape parameters of a distribution of a known location-scale family, else None."""
    for family in type(fn).__mro__:
        if family in _SHAPE_PARAMS:
            return _SHAPE_PARAMS[family]
    return None
