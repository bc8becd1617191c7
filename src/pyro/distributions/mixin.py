"""What distributions over tensors share: shapes, masks and reparameterisation flags."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.distribution import Distribution
from pyro.distributions.score_parts import ScoreParts
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

Self = TypeVar("Self", bound="TorchDistributionMixin")
_EMPTY = torch.Size()

WRAPPERS: dict[str, Any] = {}
"""The classes behind ``to_event``, ``mask`` and ``expand``, which register themselves here."""


class TorchDistributionMixin(Distribution):
    """What Pyro adds to a ``torch.distributions`` class.

    A sample has the shape ``sample_shape + batch_shape + event_shape``, a log density the shape
    ``sample_shape + batch_shape``: independent entries stand left of dependent ones.

    Example::

        >>> d = dist.Normal(torch.zeros(3, 2), 1.0).to_event(1)
        >>> d.shape((5,)), d.log_prob(d.sample((5,))).shape
        (torch.Size([5, 3, 2]), torch.Size([5, 3]))
    """

    _batch_shape: torch.Size
    _event_shape: torch.Size
    _validate_args: bool

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of independent, possibly differently parameterised draws."""
        return self._batch_shape

    @property
    def event_shape(self) -> torch.Size:
        """The shape of one draw."""
        return self._event_shape

    @property
    def event_dim(self) -> int:
        """The number of dimensions of one draw."""
        return len(self._event_shape)

    def __call__(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """Draw a value, differentiably with respect to the parameters if that is possible.

        :return: a tensor of shape ``sample_shape + batch_shape + event_shape``.
        """
        if self.has_rsample:
            return self.rsample(sample_shape)  # type: ignore[attr-defined, no-any-return]
        return self.sample(sample_shape)  # type: ignore[no-any-return]

    def shape(self, sample_shape: Sequence[int] = _EMPTY) -> torch.Size:
        """The shape of a draw: ``sample_shape + batch_shape + event_shape``."""
        return torch.Size(sample_shape) + self.batch_shape + self.event_shape

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from the shapes of the constructor's tensor arguments.

        Numbers count as shape ``()``.  Valid where the shape of the distribution depends on shapes
        only, not on values.

        Example::

            >>> dist.Normal.infer_shapes(loc=(3, 1), scale=(4,))
            (torch.Size([3, 4]), torch.Size([]))

        :raises NotImplementedError: if the event dimension is not known from the class.
        """
        event_dim = _static_event_dim(cls)
        known: Any = cls.arg_constraints  # type: ignore[attr-defined]
        if isinstance(known, property):
            known = {}
        batches: list[torch.Size] = []
        events: list[torch.Size] = []
        for name, shape in arg_shapes.items():
            size = torch.Size(shape)
            dim = known[name].event_dim if name in known else 0
            batches.append(size[: len(size) - dim])
            events.append(size[len(size) - dim :])
        event = broadcast_shape(*events)
        if len(event) < event_dim:
            raise NotImplementedError(
                f"{cls.__name__}.infer_shapes: {sorted(arg_shapes)} do not tell the event shape"
            )
        return broadcast_shape(*batches), event[len(event) - event_dim :]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; only missing dimensions and those of size 1 may grow.

        Entries along expanded dimensions are independent draws.
        """
        if _instance is not None:
            raise NotImplementedError(f"{type(self).__name__}.expand cannot fill an instance")
        if batch_shape == self.batch_shape:
            return self
        return WRAPPERS["expand"](self, torch.Size(batch_shape))

    def expand_by(self, sample_shape: Sequence[int]) -> Any:
        """Add independent batch dimensions on the left: ``expand(sample_shape + batch_shape)``."""
        return self.expand(torch.Size(sample_shape) + self.batch_shape)

    def reshape(self, sample_shape: Any = None, extra_event_dims: Any = None) -> NoReturn:
        """Removed: use :meth:`expand_by` and :meth:`to_event`.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError(
            ".reshape(sample_shape, extra_event_dims) was renamed and split into "
            ".expand_by(sample_shape).to_event(reinterpreted_batch_ndims)"
        )

    def to_event(self, reinterpreted_batch_ndims: int | None = None) -> Any:
        """Declare the rightmost batch dimensions dependent: they become event dimensions.

        :param reinterpreted_batch_ndims: How many; None means all, 0 returns this distribution, a
            negative number takes back what an earlier ``to_event`` did.
        :raises ValueError: if there are fewer batch dimensions, or nothing to take back.

        Example::

            >>> d = dist.Normal(torch.zeros(3, 4), 1.0).to_event(1)
            >>> d.batch_shape, d.event_shape
            (torch.Size([3]), torch.Size([4]))
        """
        n = (
            len(self.batch_shape)
            if reinterpreted_batch_ndims is None
            else reinterpreted_batch_ndims
        )
        base: Any = self
        while isinstance(base, td.Independent):
            n += base.reinterpreted_batch_ndims
            base = base.base_dist
        if n == 0:
            return base
        if n < 0:
            raise ValueError(
                f"to_event({reinterpreted_batch_ndims}) takes back more than earlier to_event gave"
            )
        return WRAPPERS["to_event"](base, n)

    def independent(self, reinterpreted_batch_ndims: int | None = None) -> Any:
        """Deprecated name of :meth:`to_event`."""
        warnings.warn(
            ".independent() is deprecated; use .to_event()", DeprecationWarning, stacklevel=2
        )
        return self.to_event(reinterpreted_batch_ndims)

    def mask(self, mask: bool | Tensor) -> Any:
        """Multiply the density's influence by a 0/1 mask; draws stay as they are.

        :param mask: A bool or a bool tensor that broadcasts with ``batch_shape``.
        :raises ValueError: if ``mask`` is anything else.

        Example::

            >>> d = dist.Exponential(torch.ones(2)).mask(torch.tensor([True, False]))
            >>> d.log_prob(torch.ones(2))
            tensor([-1., 0.])
        """
        return WRAPPERS["mask"](self, mask)

    def score_parts(self, x: Tensor, *args: Any, **kwargs: Any) -> ScoreParts:
        """``(log_prob, 0, log_prob)`` when reparameterised, else ``(log_prob, log_prob, 0)``."""
        log_prob = self.log_prob(x, *args, **kwargs)
        if self.has_rsample:
            return ScoreParts(log_prob, 0, log_prob)
        return ScoreParts(log_prob, log_prob, 0)

    def has_rsample_(self: Self, value: bool) -> Self:
        """Force reparameterised (True) or detached (False) draws of this instance, in place.

        :return: the instance itself; the choice survives :meth:`expand` and :meth:`to_event`.
        :raises ValueError: if ``value`` is not a bool.

        Example::

            >>> loc = torch.tensor(0.0, requires_grad=True)
            >>> dist.Normal(loc, 1.0)().requires_grad
            True
            >>> dist.Normal(loc, 1.0).has_rsample_(False)().requires_grad
            False
        """
        if value is not True and value is not False:
            raise ValueError(f"has_rsample_ expects True or False, got {value!r}")
        _set_has_rsample(self, value)
        return self

    def _as_value(self, value: Numeric) -> Tensor:
        """A Python number or array as a value to be scored, in the dtype of the parameters."""
        return tensor_like(value, _first_tensor(self))


class TorchDistribution(ValidatedDistribution, TorchDistributionMixin):
    """Base of new distributions over tensors.

    A subclass provides ``arg_constraints``, ``support``, ``log_prob`` and ``rsample`` (setting
    ``has_rsample``) or ``sample``; ``expand`` falls back on :class:`ExpandedDistribution`.

    Example::

        >>> class Arcsine(dist.TorchDistribution):
        ...     "The arcsine law on (0, 1): the sine of a uniform angle, squared."
        ...     arg_constraints = {}
        ...     support = constraints.unit_interval
        ...     has_rsample = True
        ...     def rsample(self, sample_shape=torch.Size()):
        ...         angle = torch.rand(self.shape(sample_shape)) * torch.pi
        ...         return angle.sin() ** 2
        ...     def log_prob(self, value):
        ...         return -(value * (1 - value)).log() / 2 - torch.tensor(torch.pi).log()
        >>> with pyro.plate("data", 3):
        ...     x = pyro.sample("x", Arcsine())
        >>> x.shape, Arcsine().expand([3]).log_prob(x).shape
        (torch.Size([3]), torch.Size([3]))
    """

    @property
    def event_dim(self) -> int:
        """The number of dimensions of one draw."""
        return len(self._event_shape)

    def _scored(self, value: Numeric) -> Tensor:
        """A value to be scored: made a tensor and, under validation, checked."""
        if not isinstance(value, Tensor):
            value = self._as_value(value)
        if self._validate_args:
            self._validate_sample(value)
        return value  # type: ignore[no-any-return]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; only missing dimensions and those of size 1 may grow."""
        return TorchDistributionMixin.expand(self, batch_shape, _instance)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete law, of shape ``(n,) + batch_shape + event_shape``.

        With ``expand=False`` the batch dimensions have size 1.

        :raises NotImplementedError: if the support cannot be listed.
        """
        return Distribution.enumerate_support(self, expand)


def _set_has_rsample(distribution: Any, value: bool) -> None:
    """Set the flag where it lives: a wrapper shows that of its base, of which it takes a copy."""
    if isinstance(getattr(type(distribution), "has_rsample", None), property):
        base = copy.copy(distribution.base_dist)
        _set_has_rsample(base, value)
        distribution.base_dist = base
    else:
        distribution.has_rsample = value


def _first_tensor(distribution: Any) -> Tensor | None:
    """Some floating point parameter of a distribution, which sets the dtype of its values."""
    for value in distribution.__dict__.values():
        if isinstance(value, Tensor) and value.is_floating_point():
            return value
    base = distribution.__dict__.get("base_dist")
    return None if base is None else _first_tensor(base)


def _static_event_dim(cls: Any) -> int:
    """The number of event dimensions as far as the class knows it."""
    try:
        return int(cls.support.event_dim)
    except (AttributeError, NotImplementedError) as error:
        raise NotImplementedError(
            f"{cls.__name__}.infer_shapes: the event dimension depends on the arguments"
        ) from error
