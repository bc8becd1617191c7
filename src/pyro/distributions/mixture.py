"""Mixtures of arbitrary distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.combined_support import log_prob_inside, same_support, union_support
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()


class Mixture(TorchDistribution):
    r""":math:`f(x) = \sum_k w_k f_k(x)`

    A mixture whose components may be of different families and have different supports: the support
    is their union, and a component counts nothing at values that it cannot give.  See McLachlan and
    Peel (2000), *Finite Mixture Models*, chapter 1.

    :param mixing: A Categorical of the weights :math:`w`; its batch shape broadcasts with those of
        the components.
    :param components: As many distributions as ``mixing`` has categories, all of one event shape,
        and all with densities or all on the integers.
    :raises ValueError: if number, event shapes or kinds do not fit.

    Example::

        >>> weights = dist.Categorical(torch.tensor([0.25, 0.75]))
        >>> d = dist.Mixture(weights, [dist.Normal(-2.0, 1.0), dist.Exponential(0.5)])
        >>> d.mean, d.log_prob(torch.tensor([-2.0, 2.0]))
        (tensor(1.), tensor([-2.3052, -1.9806]))
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self, mixing: Any, components: Sequence[Any], validate_args: bool | None = None
    ) -> None:
        _check_components(mixing, components)
        shape = broadcast_shape(mixing.batch_shape, *(c.batch_shape for c in components))
        self.mixing = mixing.expand(shape)
        self.components = tuple(c.expand(shape) for c in components)
        supports = [c.support for c in self.components]
        self._is_common = all(same_support(supports[0], s) for s in supports[1:])
        super().__init__(shape, components[0].event_shape, validate_args)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """True if all components can be enumerated and have the same support."""
        return self._is_common and all(c.has_enumerate_support for c in self.components)

    @tc.dependent_property
    def support(self) -> Any:
        """The union of the supports of the components."""
        return union_support([c.support for c in self.components])

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A draw of a drawn component."""
        with torch.no_grad():
            index = self.mixing.sample(torch.Size(sample_shape))
            at = index.dim()
            draws = torch.stack([c.sample(torch.Size(sample_shape)) for c in self.components], at)
            index = index.reshape(index.shape + (1,) * (1 + self.event_dim))
            return draws.gather(
                at, index.expand(index.shape[: at + 1] + self._event_shape)
            ).squeeze(at)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        if self._is_common:
            parts = [c.log_prob(value) for c in self.components]
        else:
            parts = [log_prob_inside(c, value) for c in self.components]
        return (torch.stack(parts, -1) + self.mixing.logits).logsumexp(-1)  # type: ignore[no-any-return]

    def cdf(self, value: Numeric) -> Tensor:
        """The weighted sum of the components' distribution functions."""
        parts = torch.stack([c.cdf(value) for c in self.components], -1)
        return (parts * self.mixing.probs).sum(-1)  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        """The weighted sum of the components' means."""
        return self._average([c.mean for c in self.components])

    @property
    def variance(self) -> Tensor:
        """The average of the components' variances, plus the variance of their means."""
        mean = self.mean
        return self._average([c.variance + (c.mean - mean).square() for c in self.components])

    def _average(self, values: Sequence[Tensor]) -> Tensor:
        weights = self.mixing.probs.reshape(
            self._batch_shape + (1,) * self.event_dim + (len(self.components),)
        )
        return (torch.stack(list(values), -1) * weights).sum(-1)  # type: ignore[no-any-return]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The values that all components share.

        :raises NotImplementedError: if they share none or cannot be enumerated.
        """
        if not self.has_enumerate_support:
            raise NotImplementedError("Mixture.enumerate_support needs components of one support")
        return self.components[0].enumerate_support(expand=expand)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"Mixture({self.mixing!r}, {list(self.components)!r})"


def _check_components(mixing: Any, components: Sequence[Any]) -> None:
    """Number, event shapes and kinds of the components fit together."""
    count = mixing.logits.shape[-1]
    if len(components) != count:
        raise ValueError(f"Mixture got {len(components)} components for {count} weights")
    shapes = {tuple(c.event_shape) for c in components}
    if len(shapes) > 1:
        raise ShapeError(f"Mixture takes components of one event shape, got {sorted(shapes)}")
    if len({c.support.is_discrete for c in components}) > 1:
        raise ValueError(
            "Mixture cannot mix densities with masses on the integers; "
            "use Hurdle or ZeroOneInflated for a density with atoms"
        )
