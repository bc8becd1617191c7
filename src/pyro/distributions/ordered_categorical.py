"""Base of families of ordered categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc
from torch.distributions.utils import lazy_property

from pyro.distributions import constraints
from pyro.distributions.categorical import Categorical
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape, not_repeated


class OrderedCategorical(Categorical):
    """Categories between cutpoints of a latent variable; never instantiated.

    A subclass gives the logarithms of the latent law around zero.  A value is scored by the two
    cutpoints next to it; the masses of all categories are computed when they are asked for.
    """

    arg_constraints = {"predictor": tc.real, "cutpoints": constraints.ordered_vector}

    def __init__(
        self, predictor: Numeric, cutpoints: Numeric, validate_args: bool | None = None
    ) -> None:
        cutpoints, predictor = as_tensors(cutpoints, predictor)
        shape = broadcast_shape(predictor.shape, cutpoints.shape[:-1])
        self.predictor = predictor.expand(shape)
        self.cutpoints = cutpoints.expand(shape + cutpoints.shape[-1:])
        self._num_events = cutpoints.shape[-1] + 1
        ValidatedDistribution.__init__(self, shape, torch.Size(), validate_args)

    @staticmethod
    def _log_below(cut: Tensor) -> Tensor:
        """The logarithm of the latent law's mass below a cut."""
        raise NotImplementedError

    @staticmethod
    def _log_above(cut: Tensor) -> Tensor:
        """That of its mass above."""
        raise NotImplementedError

    @staticmethod
    def _log_between(low: Tensor, high: Tensor, gap: Tensor) -> Tensor:
        """That of its mass between two cuts, exact however far out; ``gap`` is ``low - high``."""
        raise NotImplementedError

    @lazy_property
    def logits(self) -> Tensor:
        """The log masses, which sum to one as they are; shape ``batch_shape + (categories,)``."""
        cuts = self.cutpoints - self.predictor.unsqueeze(-1)
        given = not_repeated(self.cutpoints)
        gaps = given[..., :-1] - given[..., 1:]
        between = self._log_between(cuts[..., :-1], cuts[..., 1:], gaps)
        return torch.cat(
            [self._log_below(cuts[..., :1]), between, self._log_above(cuts[..., -1:])], -1
        )

    @property
    def _param(self) -> Tensor:  # type: ignore[override]
        return self.logits

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        if not isinstance(value, Tensor):
            value = self._as_value(value)
        if "logits" in self.__dict__ or self.is_own_support(value):
            return Categorical.log_prob(self, value)
        if self._validate_args:
            self._validate_sample(value)
        shape = broadcast_shape(value.shape, self._batch_shape)
        index = value.long().expand(shape)
        last = self._num_events - 1
        first, final = index == 0, index == last
        cutpoints = self.cutpoints.expand(shape + self.cutpoints.shape[-1:])
        around = torch.stack([(index - 1).clamp(min=0), index.clamp(max=last - 1)], -1)
        left, right = cutpoints.gather(-1, around).unbind(-1)
        low, high = left - self.predictor, right - self.predictor
        ends = torch.where(first, self._log_below(high), self._log_above(low))
        # at the ends, where there is one cut only, another one at a distance: no gradient is nan
        end = first | final
        gap = torch.where(end, -1.0, left - right)
        low = torch.where(first, high - 1, low)
        between = self._log_between(low, torch.where(final, low + 1, high), gap)
        return torch.where(end, ends, between)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape, without=("_own_support",))
