"""Normal observations in groups whose normal means are integrated out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.normal import Normal
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_SCALAR = torch.Size()


class GroupedNormalNormal(TorchDistribution):
    r""":math:`f(y) = \prod_g \int \mathcal N(m; \mu_g, \tau_g) \prod_{i:\,g_i = g}
    \mathcal N(y_i; m, \sigma_i)\, dm`

    Observations in groups, each with a random mean that is integrated out: the likelihood of a
    hierarchical model at the cost of one pass over the data.

    Murphy (2007), *Conjugate Bayesian Analysis of the Gaussian Distribution*, section 2.

    :param prior_loc: :math:`\mu`, real, of shape ``batch_shape + (number of groups,)``.
    :param prior_scale: :math:`\tau`, positive; broadcasts with ``prior_loc``.
    :param obs_scale: :math:`\sigma`, positive, of shape ``batch_shape + (number of data,)``.
    :param group_idx: :math:`g`, integers from 0 to the number of groups less one; broadcasts with
        ``obs_scale``.  Groups may be empty.  The support are real vectors, an entry per datum.
    :raises ValueError: if ``group_idx`` holds anything else.

    Example::

        >>> group_idx = torch.tensor([1, 0, 1])
        >>> d = dist.GroupedNormalNormal(torch.zeros(3), torch.ones(3), torch.ones(3), group_idx)
        >>> y = torch.tensor([2.0, -1.0, 4.0])
        >>> d.log_prob(y), d.get_posterior(y).mean
        (tensor(-7.9027), tensor([-0.5000,  2.0000,  0.0000]))
    """

    arg_constraints = {
        "prior_loc": tc.real_vector,
        "prior_scale": tc.independent(tc.positive, 1),
        "obs_scale": tc.independent(tc.positive, 1),
    }
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        prior_loc: Numeric,
        prior_scale: Numeric,
        obs_scale: Numeric,
        group_idx: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        loc, scale, noise = as_tensors(prior_loc, prior_scale, obs_scale)
        index = torch.as_tensor(group_idx, device=loc.device)
        groups = broadcast_shape(loc.shape, scale.shape, (1,))
        data = broadcast_shape(noise.shape, index.shape, (1,))
        _check_index(index, groups[-1])
        batch = broadcast_shape(groups[:-1], data[:-1])
        self.prior_loc = loc.expand(batch + groups[-1:])
        self.prior_scale = scale.expand(batch + groups[-1:])
        self.obs_scale = noise.expand(batch + data[-1:])
        self.group_idx = index.long().expand(batch + data[-1:])
        super().__init__(batch, data[-1:], validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """An event has an entry per datum."""
        shapes = {name: torch.Size(shape) for name, shape in arg_shapes.items()}
        data = [shapes[name] for name in ("obs_scale", "group_idx") if name in shapes]
        batch = broadcast_shape(*(shape[:-1] for shape in shapes.values()))
        return batch, broadcast_shape(*data)[-1:]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Draw means, then data, with gradients for all parameters."""
        shape, loc = self.shape(sample_shape), self.prior_loc
        count = loc.shape[-1]
        normal = torch.randn(shape[:-1] + (count + shape[-1],), dtype=loc.dtype, device=loc.device)
        means = loc + self.prior_scale * normal[..., :count]
        noise = self.obs_scale * normal[..., count:]
        return means.gather(-1, self.group_idx.expand(shape)) + noise

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        inverse = self.obs_scale.reciprocal()
        empty, centre, error, spread = self._summary(value, inverse)
        index = self.group_idx.expand(centre.shape[:-1] + self._event_shape)
        inner = (value - centre.gather(-1, index)) * inverse
        outer = (centre - self.prior_loc) / spread
        count = self._event_shape[0]
        shrinkage = torch.where(empty, 0.0, spread.log() - error.log())
        log_volume = self.obs_scale.log().sum(-1) + shrinkage.sum(-1)
        squares = inner.square().sum(-1) + outer.square().sum(-1)
        return -0.5 * (squares + count * math.log(2 * math.pi)) - log_volume  # type: ignore[no-any-return]

    def get_posterior(self, value: Numeric) -> Normal:
        """The law of the groups' means, given the data.

        :param value: Data, of shape ``sample_shape + batch_shape + (number of data,)``.
        :return: Independent normals, of batch shape
            ``sample_shape + batch_shape + (number of groups,)``; an empty group keeps its prior.
        """
        empty, centre, error, spread = self._summary(
            self._scored(value), self.obs_scale.reciprocal()
        )
        weight = (self.prior_scale / spread).square()
        loc = self.prior_loc + weight * (centre - self.prior_loc)
        scale = self.prior_scale * torch.where(empty, 1.0, error / spread)
        return Normal(loc, scale.expand(loc.shape))

    def _summary(self, value: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of each group: whether it is empty, its weighted mean, that mean's error, and its spread.

        The error is the standard deviation about the group's own mean, the spread that about the
        mean of the prior.  Weights are relative to the largest, so that squares of extreme scales
        stay in range.
        """
        unit = self.obs_scale.detach().amin(-1, keepdim=True)
        weights = (unit * inverse).square()
        total = self._sum(weights)
        empty = total == 0
        total = torch.where(empty, 1.0, total)
        centre = torch.where(empty, self.prior_loc, self._sum(weights * value) / total)
        error = unit / total.sqrt()
        return empty, centre, error, torch.hypot(error, self.prior_scale)

    def _sum(self, values: Tensor) -> Tensor:
        """The sum over the data of each group."""
        zero = values.new_zeros(values.shape[:-1] + self.prior_loc.shape[-1:])
        return zero.scatter_add(-1, self.group_idx.expand(values.shape), values)

    @property
    def mean(self) -> Tensor:
        """Each datum has the mean of its group's prior."""
        return self.prior_loc.gather(-1, self.group_idx)

    @property
    def variance(self) -> Tensor:
        """The prior's variance plus that of the noise."""
        return self.prior_scale.gather(-1, self.group_idx).square() + self.obs_scale.square()


def _check_index(index: Tensor, count: int) -> None:
    """Integers that name groups."""
    if index.is_floating_point() or index.dtype is torch.bool:
        raise ValueError(f"GroupedNormalNormal takes integers as group_idx, got {index.dtype}")
    if not index.dim():
        raise ShapeError("GroupedNormalNormal takes a group_idx of at least one dimension")
    if index.numel() and not 0 <= index.min().item() <= index.max().item() < count:
        raise ValueError(
            f"GroupedNormalNormal got group_idx from {index.min().item()} to {index.max().item()}, "
            f"but prior_loc and prior_scale describe {count} groups, numbered from 0"
        )
