"""Sites of one number each whose draws, and their densities, are elements of one vector."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.infer.autoguide.plans import SitePlan
from pyro.infer.model.unconstrained_shape import unconstrained_shape
from pyro.ops.shapes import Numeric

LEAST = 8
"""Sites of which it takes less time than one by one."""

_AT_ONCE = 15  # numbers that torch's generator makes in the same way as one after the other


def runs_of_numbers(plans: Sequence[SitePlan]) -> tuple[tuple[SitePlan, ...], ...]:
    """Sites that follow one another, each of one number and in no plate; at least ``LEAST``."""
    parts = itertools.groupby(plans, lambda p: not p.site["cond_indep_stack"] and _is_number(p))
    found = (tuple(part) for is_run, part in parts if is_run)
    return tuple(run for run in found if len(run) >= LEAST)


def _is_number(plan: SitePlan) -> bool:
    return not unconstrained_shape(plan.transform, plan.site["value"].shape)


def laws_of(locs: Sequence[Tensor], scales: Sequence[Tensor]) -> list[Normal]:
    """The normal laws of some sites; the first draw of each is made together with the others.

    The random numbers are those of draws one by one, in this order, and so are the results.

    Example::

        >>> locs, scales = torch.zeros(20).unbind(), torch.ones(20).unbind()
        >>> state = pyro.get_rng_state()
        >>> draws = [fn.rsample() for fn in laws_of(locs, scales)]
        >>> pyro.set_rng_state(state)
        >>> draws == [dist.Normal(0.0, 1.0).rsample() for _ in range(20)]
        True
    """
    first = locs[0]
    alike = all(x.dtype is first.dtype and x.device == first.device for x in (*locs, *scales))
    if not alike or first.device.type != "cpu":  # elsewhere a generator goes another way
        return [Normal(*pair, validate_args=False) for pair in zip(locs, scales, strict=True)]
    together = _Together(locs, scales)
    pairs = zip(locs, scales, strict=True)
    return [_OneOfMany(*pair, together, k) for k, pair in enumerate(pairs)]


class _Together:
    """The vectors, which are made when an element is asked for."""

    def __init__(self, locs: Sequence[Tensor], scales: Sequence[Tensor]) -> None:
        self._locs, self._scales = list(locs), list(scales)
        self.has_gradients = torch.is_grad_enabled()

    @functools.cached_property
    def _law(self) -> Normal:
        return Normal(torch.stack(self._locs), torch.stack(self._scales), validate_args=False)

    @functools.cached_property
    def _whole(self) -> Tensor:
        loc = self._law.loc
        n = len(loc)
        parts = [torch.randn(min(_AT_ONCE, n - k), dtype=loc.dtype) for k in range(0, n, _AT_ONCE)]
        return torch.addcmul(loc, self._law.scale, torch.cat(parts))

    @functools.cached_property
    def draws(self) -> Sequence[Tensor]:
        return self._whole.unbind()

    @functools.cached_property
    def scores(self) -> Sequence[Tensor]:
        return self._law.log_prob(self._whole).unbind()


@final
class _OneOfMany(Normal):
    """A normal law of one number; what it draws first is an element of a vector."""

    def __init__(self, loc: Tensor, scale: Tensor, together: _Together, position: int) -> None:
        super().__init__(loc, scale, validate_args=False)
        self._together, self._position = together, position
        self._drawn: Tensor | None = None

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """A law by itself."""
        alone: Any = Normal(self.loc, self.scale, validate_args=False)
        return alone.expand(batch_shape)

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """The element at first, then others."""
        if sample_shape or self._drawn is not None or not self._is_valid():
            return super().rsample(sample_shape)
        self._drawn = self._together.draws[self._position]
        return self._drawn

    def log_prob(self, value: Numeric) -> Tensor:
        """Of its own draw, the element of the vector of all densities."""
        if value is self._drawn and self._is_valid():
            return self._together.scores[self._position]
        return super().log_prob(value)

    def _is_valid(self) -> bool:
        """Whether a vector that is made now has the gradients that are wanted."""
        return self._together.has_gradients == torch.is_grad_enabled()
