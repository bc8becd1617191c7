"""Powers that keep the sign."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.ops.shapes import broadcast_shape


class PositivePowerTransform(tt.Transform):
    r""":math:`y = \mathrm{sign}(x)\,|x|^a` on the reals, for :math:`a > 0`.

    The inverse has the exponent :math:`1/a`, :math:`\log|\det J| = \log a + (a - 1) \log|x|`.  The
    gradient at zero is infinite for :math:`a < 1` and zero for :math:`a > 1` (Tukey 1957, *On the
    comparative anatomy of transformations*).

    :param exponent: :math:`a`, a positive number or tensor.
    :raises ValueError: if the exponent is not positive.

    Example::

        >>> PositivePowerTransform(2.0)(torch.tensor([-2.0, 3.0]))
        tensor([-4.,  9.])
    """

    domain = constraints.real
    codomain = constraints.real
    bijective = True
    sign = 1

    def __init__(
        self, exponent: Any, *, cache_size: int = 0, validate_args: bool | None = None
    ) -> None:
        super().__init__(cache_size=cache_size)
        self.exponent = torch.as_tensor(exponent)
        if validate_args is not False and not (self.exponent > 0).all():
            raise ValueError(f"exponent must be positive, got {self.exponent}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PositivePowerTransform) and bool(
            (self.exponent == other.exponent).all()
        )

    def with_cache(self, cache_size: int = 1) -> PositivePowerTransform:
        """The same transform with another cache size."""
        if self._cache_size == cache_size:
            return self
        return PositivePowerTransform(self.exponent, cache_size=cache_size)

    def forward_shape(self, shape: Any) -> Any:
        """That of ``x``, broadcast with the exponent."""
        return broadcast_shape(shape, self.exponent.shape)

    def inverse_shape(self, shape: Any) -> Any:
        """That of ``y``, broadcast with the exponent."""
        return broadcast_shape(shape, self.exponent.shape)

    def _call(self, x: Tensor) -> Tensor:
        return x.abs().pow(self.exponent) * x.sign()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.abs().pow(self.exponent.reciprocal()) * y.sign()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the shape of ``y``."""
        return self.exponent.log() + torch.xlogy(self.exponent - 1, x.abs())
