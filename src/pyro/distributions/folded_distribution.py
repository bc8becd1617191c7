"""The absolute value of any univariate variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc
from torch.distributions.kl import register_kl
from torch.distributions.transforms import AbsTransform

from pyro.distributions.tails import log_between, log_tails, register_tails
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.truncated import Truncated
from pyro.ops.shapes import Numeric

_EMPTY = torch.Size()


class FoldedDistribution(td.TransformedDistribution, TorchDistribution):  # type: ignore[override]
    r""":math:`f(x) = g(x) + g(-x)` for :math:`x \ge 0`: the law of :math:`|Y|`, where Y has law g.

    See Leone, Nelson and Nottingham (1961), *The Folded Normal Distribution*, section 2.

    :param base_dist: A univariate distribution over the reals; its batch shape is kept.
    :raises ValueError: if an event of the base is not a number.

    Example::

        >>> d = dist.FoldedDistribution(dist.Normal(0.5, 1.0))
        >>> d.log_prob(1.0)
        tensor(-0.7307)
    """

    arg_constraints: dict[str, Any] = {}
    support = tc.nonnegative

    def __init__(self, base_dist: Any, validate_args: bool | None = None) -> None:
        if base_dist.event_shape:
            raise ValueError(
                "FoldedDistribution needs a univariate distribution, but event_shape is "
                f"{tuple(base_dist.event_shape)}; fold first, then apply .to_event()"
            )
        self.base_dist = base_dist
        self.transforms = [AbsTransform()]
        TorchDistribution.__init__(self, base_dist.batch_shape, _EMPTY, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast the base."""
        if batch_shape == self._batch_shape:
            return self
        new = FoldedDistribution(self.base_dist.expand(torch.Size(batch_shape)), False)
        new._keep_validation(self.__dict__.get("_validate_args"))
        return new

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        return torch.logaddexp(self.base_dist.log_prob(value), self.base_dist.log_prob(-value))

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`P(-x \le Y \le x)`."""
        return log_tails(self, self._scored(value))[0].exp()

    def icdf(self, value: Numeric) -> Tensor:
        """Unknown.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("FoldedDistribution.icdf")

    @property
    def mean(self) -> Tensor:
        """From those of the two halves of the base."""
        return self._moments()[0]

    @property
    def variance(self) -> Tensor:
        """From those of the two halves of the base."""
        return self._moments()[1]

    def _moments(self) -> tuple[Tensor, Tensor]:
        sides = [Truncated(self.base_dist, low=0.0, validate_args=False)]
        sides.append(Truncated(self.base_dist, high=0.0, validate_args=False))
        mass = torch.stack([side._log_mass.exp() for side in sides])
        means = torch.where(mass > 0, torch.stack([side.mean.abs() for side in sides]), 0.0)
        variances = torch.where(mass > 0, torch.stack([side.variance for side in sides]), 0.0)
        mean = (mass * means).sum(0)
        return mean, (mass * (variances + (means - mean).square())).sum(0)

    def __repr__(self) -> str:
        return f"FoldedDistribution({self.base_dist!r})"


@register_kl(FoldedDistribution, FoldedDistribution)
def _kl(p: FoldedDistribution, q: FoldedDistribution) -> Tensor:
    """Unlike for a transform that is one to one, not that of the bases."""
    raise NotImplementedError(f"KL divergence of {p!r} from {q!r}")


@register_tails(FoldedDistribution)
def _tails(d: FoldedDistribution, x: Tensor) -> tuple[Tensor, Tensor]:
    right, left = log_tails(d.base_dist, x), log_tails(d.base_dist, -x)
    return log_between(left, right), torch.logaddexp(left[0], right[1])
