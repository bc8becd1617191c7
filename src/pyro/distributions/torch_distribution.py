"""Shapes, masks and reparameterisation flags for distributions over tensors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.distribution import Distribution
from pyro.distributions.feasible import feasible_point
from pyro.distributions.score_parts import ScoreParts
from pyro.distributions.validation import ValidatedDistribution
from pyro.errors import ShapeError
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import Numeric, broadcast_shape, sum_rightmost, tensor_like

Self = TypeVar("Self", bound="TorchDistributionMixin")
_EMPTY = torch.Size()


class TorchDistributionMixin(Distribution):
    """What Pyro adds to a ``torch.distributions`` class.

    A sample has the shape ``sample_shape + batch_shape + event_shape``, a log density the shape
    ``sample_shape + batch_shape``: independent entries stand left of dependent ones.
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

            >>> Normal.infer_shapes(loc=(3, 1), scale=(4,))
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
        return broadcast_shape(*batches), event[len(event) - event_dim :]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; only missing dimensions and those of size 1 may grow.

        Entries along expanded dimensions are independent draws.
        """
        if _instance is not None:
            raise NotImplementedError(f"{type(self).__name__}.expand cannot fill an instance")
        if batch_shape == self.batch_shape:
            return self
        return ExpandedDistribution(self, torch.Size(batch_shape))

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

            >>> d = Normal(torch.zeros(3, 4), 1.0).to_event(1)
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
        return Independent(base, n)

    def independent(self, reinterpreted_batch_ndims: int | None = None) -> Any:
        """Deprecated name of :meth:`to_event`."""
        warnings.warn(".independent() is deprecated; use .to_event()", UserWarning, stacklevel=2)
        return self.to_event(reinterpreted_batch_ndims)

    def mask(self, mask: bool | Tensor) -> MaskedDistribution:
        """Multiply the density's influence by a 0/1 mask; draws stay as they are.

        :param mask: A bool or a bool tensor that broadcasts with ``batch_shape``.
        :raises ValueError: if ``mask`` is anything else.
        """
        return MaskedDistribution(self, mask)

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
        """
        if value is not True and value is not False:
            raise ValueError(f"has_rsample_ expects True or False, got {value!r}")
        if isinstance(getattr(type(self), "has_rsample", None), property):
            self.base_dist.has_rsample_(value)  # type: ignore[attr-defined]
        else:
            self.has_rsample = value
        return self

    def _as_value(self, value: Numeric) -> Tensor:
        """A Python number or array as a value to be scored, in the dtype of the parameters."""
        return tensor_like(value, _first_tensor(self))


class TorchDistribution(ValidatedDistribution, TorchDistributionMixin):
    """Base of new distributions over tensors.

    A subclass provides ``arg_constraints``, ``support``, ``log_prob`` and ``rsample`` (setting
    ``has_rsample``) or ``sample``; ``expand`` falls back on :class:`ExpandedDistribution`.
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
        return value

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; only missing dimensions and those of size 1 may grow."""
        return TorchDistributionMixin.expand(self, batch_shape, _instance)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete law, of shape ``(n,) + batch_shape + event_shape``.

        With ``expand=False`` the batch dimensions have size 1.

        :raises NotImplementedError: if the support cannot be listed.
        """
        return Distribution.enumerate_support(self, expand)


class Independent(td.Independent[Any], TorchDistribution):  # type: ignore[misc]
    """A distribution some of whose batch dimensions are declared dependent; see ``to_event``.

    :param base_distribution: Any distribution over tensors.
    :param reinterpreted_batch_ndims: How many rightmost batch dimensions become event dimensions.
    """

    def __init__(
        self,
        base_distribution: Any,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch = base_distribution.batch_shape
        cut = len(batch) - reinterpreted_batch_ndims
        if cut < 0:
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                f"{reinterpreted_batch_ndims} vs {len(batch)} (batch_shape {tuple(batch)})"
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self._batch_shape = batch[:cut]
        self._event_shape = batch[cut:] + base_distribution.event_shape
        if validate_args is not None:
            self._validate_args = validate_args

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; the event dimensions stay."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        n = self.reinterpreted_batch_ndims
        base = self.base_dist.expand(torch.Size(batch_shape) + self._event_shape[:n])
        return type(self)(base, n)

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density, summed over the reinterpreted dimensions."""
        log_prob = self.base_dist.log_prob(value)
        dim = self.reinterpreted_batch_ndims
        return sum_rightmost(log_prob, dim) if log_prob.dim() >= dim else log_prob.sum()

    def conjugate_update(self, other: Any) -> tuple[Distribution, Tensor]:
        """Fuse base with base; the normaliser is summed over the reinterpreted dimensions."""
        n = self.reinterpreted_batch_ndims
        base, log_normalizer = self.base_dist.conjugate_update(other.to_event(-n))
        return base.to_event(n), sum_rightmost(log_normalizer, n)


class MaskedDistribution(TorchDistribution):
    """A distribution whose log density is zero where ``mask`` is False; see ``mask``.

    Draws, shapes and support are those of the base.  Values under the mask are never looked at:
    they may be nan, and no nan reaches a gradient.

    :param base_dist: Any distribution over tensors.
    :param mask: A bool or a bool tensor that broadcasts with the batch shape.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_dist: Any, mask: bool | Tensor) -> None:
        if isinstance(mask, Tensor):
            if mask.dtype is not torch.bool:
                raise ValueError(f"mask must be a bool or a BoolTensor, got dtype {mask.dtype}")
            shape = broadcast_shape(mask.shape, base_dist.batch_shape)
            mask = mask if mask.shape == shape else mask.expand(shape)
            base_dist = base_dist.expand(shape)
        elif not isinstance(mask, bool):
            raise ValueError(f"mask must be a bool or a BoolTensor, got {type(mask).__name__}")
        self.base_dist = base_dist
        self._mask = mask
        self._batch_shape = base_dist.batch_shape
        self._event_shape = base_dist.event_shape

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast base and mask to ``batch_shape``."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        shape = torch.Size(batch_shape)
        mask = self._mask.expand(shape) if isinstance(self._mask, Tensor) else self._mask
        return type(self)(self.base_dist.expand(shape), mask)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_enumerate_support)

    @tc.dependent_property
    def support(self) -> Any:
        """That of the base."""
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mean  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mode  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """That of the base."""
        return self.base_dist.variance  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """A draw of the base."""
        return self.base_dist.sample(torch.Size(sample_shape))  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """A differentiable draw of the base."""
        return self.base_dist.rsample(torch.Size(sample_shape))  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density where the mask is True and zero elsewhere."""
        mask = self._mask
        if mask is True:
            return self.base_dist.log_prob(value)  # type: ignore[no-any-return]
        value = self._as_value(value)
        if mask is False:
            batch = value.shape[: value.dim() - self.event_dim]
            return _zeros(broadcast_shape(batch, self._batch_shape), value)
        log_prob = self.base_dist.log_prob(self._hide(value, mask))
        return torch.where(mask, log_prob, log_prob.new_zeros(()))

    def _hide(self, value: Tensor, mask: Tensor) -> Tensor:
        """``value`` with harmless entries under the mask, so that neither nan nor inf spreads."""
        point = feasible_point(self.base_dist.support, value)
        if point is None:
            return value
        keep = mask.reshape(mask.shape + (1,) * self.event_dim)
        return torch.where(keep, value, point)

    def score_parts(self, x: Tensor, *args: Any, **kwargs: Any) -> ScoreParts:
        """The base's score parts, all masked."""
        if self._mask is False:
            zero = self.log_prob(x)
            return ScoreParts(zero, zero, zero)
        if self._mask is True:
            return self.base_dist.score_parts(x, *args, **kwargs)  # type: ignore[no-any-return]
        hidden = self._hide(self._as_value(x), self._mask)
        parts = self.base_dist.score_parts(hidden, *args, **kwargs)
        masked = [scale_and_mask(p, mask=self._mask) for p in parts]
        return ScoreParts(*masked)  # type: ignore[arg-type]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """That of the base."""
        return self.base_dist.enumerate_support(expand=expand)  # type: ignore[no-any-return]

    def conjugate_update(self, other: Any) -> tuple[Distribution, Tensor]:
        """Fuse with ``other`` where the mask is True, keep ``other`` elsewhere.

        :raises NotImplementedError: for tensor masks.
        """
        if self._mask is True:
            return self.base_dist.conjugate_update(other)  # type: ignore[no-any-return]
        raise NotImplementedError("conjugate_update of a masked distribution")

    def __repr__(self) -> str:
        return f"MaskedDistribution({self.base_dist!r}, mask={self._mask})"


class ExpandedDistribution(TorchDistribution):
    """Independent copies of a distribution that has no ``expand`` of its own.

    :param base_dist: Any distribution over tensors.
    :param batch_shape: The new batch shape; the base's broadcasts to it.
    :raises ValueError: if it does not.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_dist: Any, batch_shape: Sequence[int] = _EMPTY) -> None:
        shape = torch.Size(batch_shape)
        base = base_dist.batch_shape
        if broadcast_shape(shape, base) != shape:
            raise ShapeError(f"cannot expand batch_shape {tuple(base)} to {tuple(shape)}")
        self.base_dist = base_dist
        self._batch_shape = shape
        self._event_shape = base_dist.event_shape

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast further."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        broadcast_to = torch.Size(batch_shape)
        if broadcast_shape(broadcast_to, self._batch_shape) != broadcast_to:
            raise ShapeError(
                f"cannot expand batch_shape {tuple(self._batch_shape)} to {tuple(broadcast_to)}"
            )
        return type(self)(self.base_dist, broadcast_to)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_enumerate_support)

    @tc.dependent_property
    def support(self) -> Any:
        """That of the base."""
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """The base's mean, broadcast."""
        return self.base_dist.mean.expand(self.shape())  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The base's variance, broadcast."""
        return self.base_dist.variance.expand(self.shape())  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """Independent draws along all expanded dimensions."""
        return self._draw(self.base_dist.sample, sample_shape)

    def rsample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """Independent differentiable draws along all expanded dimensions."""
        return self._draw(self.base_dist.rsample, sample_shape)

    def _draw(self, draw: Any, sample_shape: Sequence[int]) -> Tensor:
        """Draw one leading sample per grown dimension, then move it where it grew."""
        base = self.base_dist.batch_shape
        extra = len(self._batch_shape) - len(base)
        padded = (1,) * extra + tuple(base)
        grown = [i for i, n in enumerate(self._batch_shape) if padded[i] != n]
        lead = len(sample_shape)
        x = draw(torch.Size(sample_shape) + torch.Size(self._batch_shape[i] for i in grown))
        x = x.reshape(x.shape[: lead + len(grown)] + torch.Size(padded) + self._event_shape)
        for rank, i in enumerate(grown):
            x = x.transpose(lead + rank, lead + len(grown) + i)
        return x.reshape(self.shape(sample_shape))  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density, broadcast."""
        value = self._as_value(value)
        shape = broadcast_shape(value.shape[: value.dim() - self.event_dim], self._batch_shape)
        return self.base_dist.log_prob(value).expand(shape)  # type: ignore[no-any-return]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The base's values, broadcast when ``expand``."""
        values = self.base_dist.enumerate_support(expand=False)
        extra = len(self._batch_shape) - len(self.base_dist.batch_shape)
        values = values.reshape(values.shape[:1] + (1,) * extra + values.shape[1:])
        if expand:
            values = values.expand(values.shape[:1] + self._batch_shape + self._event_shape)
        return values  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"ExpandedDistribution({self.base_dist!r}, {tuple(self._batch_shape)})"


def _zeros(shape: torch.Size, like: Tensor) -> Tensor:
    dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
    return torch.zeros((), dtype=dtype, device=like.device).expand(shape)


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
