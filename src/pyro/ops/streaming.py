"""Statistics of samples that come one at a time, in bounded memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

Sample = Any  # a tensor, or a mapping of tensors


class StreamingStats(ABC):
    """Statistics that are updated by samples, and merged with those of other samples.

    ``update`` with samples ``x`` and then ``merge`` with statistics of samples ``y`` gives what
    ``update`` with all of them gives, up to rounding.
    """

    @abstractmethod
    def update(self, sample: Sample) -> None:
        """Take one sample into account."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """New statistics of the samples of both; neither is changed."""

    @abstractmethod
    def get(self) -> dict[Hashable, Any]:
        """The statistics by name."""


class CountStats(StreamingStats):
    """How many samples there were.

    Example::

        >>> from pyro.ops.streaming import CountStats
        >>> stats = CountStats()
        >>> stats.update(torch.zeros(2))
        >>> stats.get()
        {'count': 1}
    """

    def __init__(self) -> None:
        self.count = 0

    def update(self, sample: Sample) -> None:
        """Count."""
        self.count += 1

    def merge(self, other: Self) -> Self:
        """The sum."""
        result = type(self)()
        result.count = self.count + other.count
        return result

    def get(self) -> dict[Hashable, Any]:
        """``count``."""
        return {"count": self.count}


class StackStats(StreamingStats):
    """All samples, one after the other.

    Example::

        >>> from pyro.ops.streaming import StackStats
        >>> stats = StackStats()
        >>> stats.update(torch.tensor(1.0))
        >>> stats.update(torch.tensor(2.0))
        >>> stats.get()
        {'count': 2, 'samples': tensor([1., 2.])}
    """

    def __init__(self) -> None:
        self.samples: list[Tensor] = []

    def update(self, sample: Tensor) -> None:
        """Keep the sample."""
        self.samples.append(sample)

    def merge(self, other: Self) -> Self:
        """These samples, and then those."""
        result = type(self)()
        result.samples = self.samples + other.samples
        return result

    def get(self) -> dict[Hashable, Any]:
        """``count``, and ``samples`` if there are some."""
        if not self.samples:
            return {"count": 0}
        return {"count": len(self.samples), "samples": torch.stack(self.samples)}


class CountMeanStats(StreamingStats):
    """The mean of tensors.

    Example::

        >>> from pyro.ops.streaming import CountMeanStats
        >>> stats = CountMeanStats()
        >>> stats.update(torch.tensor([1.0, 2.0]))
        >>> stats.update(torch.tensor([3.0, 2.0]))
        >>> stats.get()
        {'count': 2, 'mean': tensor([2., 2.])}
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor = torch.zeros(())

    def update(self, sample: Tensor) -> None:
        """Move the mean towards the sample."""
        self.count += 1
        self.mean = self.mean + (sample.detach() - self.mean) / self.count

    def merge(self, other: Self) -> Self:
        """The mean of both, weighted by their counts."""
        result = type(self)()
        result.count = self.count + other.count
        share = other.count / max(result.count, 1)
        result.mean = self.mean + share * (other.mean - self.mean)
        return result

    def get(self) -> dict[Hashable, Any]:
        """``count``, and ``mean`` if there are samples."""
        return {"count": self.count, "mean": self.mean} if self.count else {"count": 0}


class CountMeanVarianceStats(StreamingStats):
    r"""Mean and unbiased variance of the elements of tensors.

    :math:`M_n = M_{n-1} + (x_n - \bar x_{n-1})(x_n - \bar x_n)`, and the variance is
    :math:`M_n / (n - 1)`. See Welford (1962), *Note on a Method for Calculating Corrected Sums of
    Squares and Products*; Chan, Golub and LeVeque (1983) for ``merge``.

    Example::

        >>> from pyro.ops.streaming import CountMeanVarianceStats
        >>> stats = CountMeanVarianceStats()
        >>> for x in (1.0, 2.0, 6.0):
        ...     stats.update(torch.tensor(x))
        >>> stats.get()
        {'count': 3, 'mean': tensor(3.), 'variance': tensor(7.)}
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor = torch.zeros(())
        self.squares: Tensor = torch.zeros(())

    def update(self, sample: Tensor) -> None:
        """Welford's step."""
        self.count += 1
        before = sample.detach() - self.mean
        self.mean = self.mean + before / self.count
        self.squares = self.squares + before * (sample.detach() - self.mean)

    def merge(self, other: Self) -> Self:
        """Mean and variance of both."""
        result = type(self)()
        result.count = self.count + other.count
        share = other.count / max(result.count, 1)
        between = other.mean - self.mean
        result.mean = self.mean + share * between
        result.squares = self.squares + other.squares + self.count * share * between.square()
        return result

    def get(self) -> dict[Hashable, Any]:
        """``count``, with samples ``mean``, and with two of them ``variance``."""
        found: dict[Hashable, Any] = {"count": self.count}
        if self.count:
            found["mean"] = self.mean
        if self.count > 1:
            found["variance"] = self.squares / (self.count - 1)
        return found


class StatsOfDict(StreamingStats):
    """Statistics of each of several named samples.

    :param types: Which statistics a key has; a key that is here is always in the result.
    :param default: Which all others have.

    Example::

        >>> from pyro.ops.streaming import CountMeanStats, CountStats, StatsOfDict
        >>> stats = StatsOfDict({"x": CountMeanStats}, default=CountStats)
        >>> stats.update({"x": torch.tensor(2.0), "y": torch.tensor(1.0)})
        >>> stats.get()
        {'x': {'count': 1, 'mean': tensor(2.)}, 'y': {'count': 1}}
    """

    def __init__(
        self,
        types: Mapping[Hashable, Callable[[], StreamingStats]] | None = None,
        default: Callable[[], StreamingStats] = CountStats,
    ) -> None:
        self.types = dict(types or {})
        self.default = default
        self.stats: dict[Hashable, StreamingStats] = {
            key: make() for key, make in self.types.items()
        }

    def update(self, sample: Mapping[Hashable, Any]) -> None:
        """Update those of each key."""
        for key, value in sample.items():
            if key not in self.stats:
                self.stats[key] = self.default()
            self.stats[key].update(value)

    def merge(self, other: Self) -> Self:
        """Merge those of each key."""
        result = type(self)(self.types, self.default)
        for key in {**self.stats, **other.stats}:
            mine, theirs = self.stats.get(key), other.stats.get(key)
            both = mine.merge(theirs) if mine is not None and theirs is not None else mine or theirs
            assert both is not None
            result.stats[key] = both
        return result

    def get(self) -> dict[Hashable, Any]:
        """The statistics of each key."""
        return {key: stats.get() for key, stats in self.stats.items()}
