"""A flat, nonnormalised prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape


class ImproperUniform(TorchDistribution):
    r""":math:`f(x) = 1, \qquad x \in S`

    A flat, nonnormalised prior on a support :math:`S`.  It can be scored but not drawn from: give
    MCMC an initial value, or an autoguide, where one is needed.  See Gelman, Carlin, Stern, Dunson,
    Vehtari and Rubin (2013), *Bayesian Data Analysis*, section 2.8.

    :param support: A constraint, the support :math:`S`.
    :param batch_shape: The shape of independent entries.
    :param event_shape: The shape of one event.
    :raises ShapeError: if ``event_shape`` has fewer dimensions than an element of ``support``.

    Example::

        >>> dist.ImproperUniform(constraints.positive, (3,), ()).log_prob(torch.ones(3))
        tensor([0., 0., 0.])
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self,
        support: Any,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        if len(event_shape) < support.event_dim:
            raise ShapeError(
                f"event_shape {tuple(event_shape)} needs at least {support.event_dim} dimensions "
                f"for the support {support!r}"
            )
        self._support = support
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape), validate_args)

    @tc.dependent_property
    def support(self) -> Any:
        """The given constraint, of the event's dimension."""
        extra = len(self._event_shape) - self._support.event_dim
        return tc.independent(self._support, extra) if extra else self._support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same law with another batch shape.

        :raises ShapeError: if the present one does not broadcast to it.
        """
        shape = torch.Size(batch_shape)
        if broadcast_shape(shape, self._batch_shape) != shape:
            raise ShapeError(f"cannot expand batch_shape {tuple(self._batch_shape)} to {shape}")
        new = type(self)(self._support, shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Numeric) -> Tensor:
        """Zero.

        :raises ValueError: if ``value`` lies outside the support (under validation).
        """
        value = self._scored(value)
        batch = value.shape[: value.dim() - len(self._event_shape)]
        if batch != self._batch_shape:
            batch = broadcast_shape(batch, self._batch_shape)
        dtype = value.dtype if value.is_floating_point() else torch.get_default_dtype()
        zero: Tensor = value.new_zeros((), dtype=dtype)
        return zero.expand(batch)

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> NoReturn:
        """Impossible.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError(
            "ImproperUniform cannot be sampled; give an initial value, or use a proper prior"
        )

    def __repr__(self) -> str:
        shapes = f"{tuple(self._batch_shape)}, {tuple(self._event_shape)}"
        return f"ImproperUniform({self._support!r}, {shapes})"
