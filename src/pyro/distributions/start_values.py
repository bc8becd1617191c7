"""The law of the first values of a path."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.autoregression import LOG_SQRT_2PI
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_SCALAR = torch.Size()


def path_length(family: str, num_steps: Any) -> int:
    """``num_steps`` if it is a positive int.

    :raises ShapeError: if it is anything else.
    """
    if isinstance(num_steps, bool) or not isinstance(num_steps, Integral) or num_steps < 1:
        raise ShapeError(
            f"{family}: num_steps is the length of the path, a positive int, not {num_steps!r}"
        )
    return int(num_steps)


def broadcast_with_start(
    start: Any, *parameters: Numeric, event_dims: Sequence[int] = ()
) -> tuple[list[Tensor], Any]:
    """Parameters and the law of the start, expanded to their common batch shape.

    :param start: A distribution, or None.
    :param event_dims: The number of event dimensions of each parameter; zeros by default.
    """
    tensors = as_tensors(*parameters)
    dims = event_dims or (0,) * len(tensors)
    cuts = [t.dim() - dim for t, dim in zip(tensors, dims, strict=True)]
    shapes = [t.shape[:cut] for t, cut in zip(tensors, cuts, strict=True)]
    batch = broadcast_shape(*shapes, *([] if start is None else [start.batch_shape]))
    expanded = [t.expand(batch + t.shape[cut:]) for t, cut in zip(tensors, cuts, strict=True)]
    return expanded, None if start is None else start.expand(batch)


def start_law(family: str, init_dist: Any, order: int) -> Any:
    """``init_dist`` as a law of ``order`` numbers; a univariate one is the law of each of them.

    :raises ShapeError: if it is the law of something else.
    """
    if init_dist is None or init_dist.event_shape == (order,):
        return init_dist
    if init_dist.event_shape:
        raise ShapeError(
            f"{family}: init_dist is the law of the first {order} values, as many as there are "
            f"coefficients, but its event_shape is {tuple(init_dist.event_shape)}; "
            f"give one of event_shape () or ({order},)"
        )
    return RepeatedStart(init_dist, order)


def covariance(start: Any) -> Tensor:
    """The covariance matrix of a law of the first values.

    :raises NotImplementedError: if it cannot be known.
    """
    if isinstance(start, td.Independent) and not start.base_dist.event_shape:
        return start.variance.diag_embed()
    result = getattr(start, "covariance_matrix", None)
    if result is None:
        raise NotImplementedError(
            f"init_dist, a {type(start).__name__}, has no covariance_matrix, so that the variance "
            "of the path is not known; compute it from samples"
        )
    return result  # type: ignore[no-any-return]


class RepeatedStart(TorchDistribution):
    r""":math:`x_1, \dots, x_p \sim \mathrm{base}`, independently

    :param base: A univariate distribution; its batch shape is the batch shape.
    :param order: :math:`p`.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base: Any, order: int) -> None:
        self.base = base
        self.has_rsample = base.has_rsample
        super().__init__(base.batch_shape, torch.Size((order,)), validate_args=False)

    @tc.dependent_property(event_dim=1)
    def support(self) -> Any:
        """That of each value."""
        return tc.independent(self.base.support, 1)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape + (p,)``; differentiable if ``base`` is."""
        draws: Tensor = self.base(self._event_shape + torch.Size(sample_shape))
        return draws.movedim(0, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        batch = broadcast_shape(value.shape[:-1], self._batch_shape)
        numbers = value.expand(batch + self._event_shape).movedim(-1, 0)
        return self.base.log_prob(numbers).sum(0)  # type: ignore[no-any-return]

    def entropy(self) -> Tensor:
        """That of ``base``, p times."""
        return self._event_shape[0] * self.base.entropy()  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        """That of ``base``, for each value."""
        return self.base.mean.unsqueeze(-1).expand(self.shape())  # type: ignore[no-any-return]

    @property
    def covariance_matrix(self) -> Tensor:
        """Diagonal."""
        return self.variance.diag_embed()

    @property
    def variance(self) -> Tensor:
        """That of ``base``, for each value."""
        return self.base.variance.unsqueeze(-1).expand(self.shape())  # type: ignore[no-any-return]


class StationaryStart(TorchDistribution):
    r""":math:`(x_1, \dots, x_p) \sim \mathcal N(\mu,\, \sigma^2 (C C^\top)^{-1})`

    Successive values of a stationary autoregression, by the Cholesky factor of their precision.

    :param loc: :math:`\mu`, the mean of each value.
    :param scale: :math:`\sigma`.
    :param precision_tril: :math:`C`, of shape ``batch_shape + (p, p)``.
    """

    arg_constraints: dict[str, Any] = {}
    support = tc.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, precision_tril: Tensor) -> None:
        self.loc, self.scale, self.precision_tril = loc, scale, precision_tril
        super().__init__(scale.shape, precision_tril.shape[-1:], validate_args=False)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape + (p,)``; differentiable."""
        loc, factor = self.loc.unsqueeze(-1), self.precision_tril
        noise = torch.randn((*self.shape(sample_shape), 1), dtype=loc.dtype, device=loc.device)
        values = torch.linalg.solve_triangular(factor.mT, noise, upper=True).squeeze(-1)
        return loc + self.scale.unsqueeze(-1) * values  # type: ignore[no-any-return]

    def log_prob(self, value: Tensor) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        centred = (value - self.loc.unsqueeze(-1)) / self.scale.unsqueeze(-1)
        white = (centred.unsqueeze(-2) @ self.precision_tril).squeeze(-2)
        constant = self._event_shape[0] * LOG_SQRT_2PI
        return -0.5 * white.square().sum(-1) - self._log_scale() - constant

    def _log_scale(self) -> Tensor:
        """Half the log determinant of the covariance."""
        lengths = self.precision_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return self._event_shape[0] * self.scale.log() - lengths

    def entropy(self) -> Tensor:
        """Half the log determinant of the covariance, and a constant."""
        return self._log_scale() + self._event_shape[0] * (0.5 + LOG_SQRT_2PI)

    @property
    def mean(self) -> Tensor:
        """The same for each value."""
        return self.loc.unsqueeze(-1).expand(self.shape())

    @property
    def covariance_matrix(self) -> Tensor:
        """Shape ``batch_shape + (p, p)``."""
        inverse: Tensor = torch.cholesky_inverse(self.precision_tril)
        return self.scale.square()[..., None, None] * inverse

    @property
    def variance(self) -> Tensor:
        """The same for each value."""
        return self.covariance_matrix.diagonal(dim1=-2, dim2=-1)
