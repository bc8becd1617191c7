"""Base of symmetric families of our own with a location and a scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.univariate import UnivariateDistribution, standard_uniform
from pyro.ops.shapes import Numeric

_SCALAR = torch.Size()


class SymmetricDistribution(UnivariateDistribution):
    """A family over the reals, symmetric about ``loc``; a subclass has a differentiable ``icdf``.

    Example::

        >>> d = dist.SoftLaplace(1.0, 2.0)
        >>> type(d).__mro__[1].__name__, d.mean, d.mode
        ('SymmetricDistribution', tensor(1.), tensor(1.))
    """

    arg_constraints = {"loc": tc.real, "scale": tc.positive}
    support = tc.real
    has_rsample = True
    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Numeric, scale: Numeric, *, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, scale=scale)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        return self.icdf(standard_uniform(self.loc, self.shape(sample_shape)))

    @property
    def mean(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc
