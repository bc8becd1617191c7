"""Gaussian processes, as laws of their values at given inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.autoregression import LOG_SQRT_2PI
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

_SCALAR = torch.Size()
Kernel = Callable[[Any, Any], Tensor]


class GaussianProcess(TorchDistribution):
    r""":math:`y \sim \mathcal N\bigl(m(X),\; k(X, X) + \mathrm{diag}(s^2)\bigr)`

    The values at the inputs X of a random function whose values at any inputs are jointly normal,
    seen with independent noise.  One Cholesky factor, O(n³), serves density and draws;
    :meth:`condition` predicts values elsewhere.

    See Rasmussen and Williams (2006), *Gaussian Processes for Machine Learning*, 2.2 and
    algorithm 2.1.

    :param kernel: :math:`k`, any callable for which ``kernel(X, Z)`` is the matrix of covariances,
        of shape ``(..., n, m)`` for n and m inputs; its parameters are the callable's affair.
    :param X: n inputs, in whatever form the kernel takes; mostly a tensor ``(n,)`` or ``(n, d)``.
    :param mean_function: :math:`m`, a callable for which ``mean_function(X)`` has the shape
        ``(..., n)``, or a number; zero by default.
    :param noise: The variance :math:`s^2` of the noise, nonnegative: a number, or a tensor whose
        last dimension is that of the inputs, of size n or 1.  The leading dimensions of the
        kernel's matrix, of the mean and of the noise broadcast to the batch shape.
    :param jitter: A positive number added to the diagonal for the sake of the factorisation.
    :raises ShapeError: if the kernel's matrix is not square, or shapes do not broadcast.
    :raises ValueError: if the covariance is not symmetric (under validation) or not positive
        definite.

    Example::

        >>> def kernel(x, z):
        ...     return torch.exp(-0.5 * (x.unsqueeze(-1) - z) ** 2)
        >>> prior = dist.GaussianProcess(kernel, torch.tensor([0.0, 1.0, 2.5]), noise=0.01)
        >>> y = torch.tensor([0.2, 0.7, -0.1])
        >>> prior.log_prob(y)
        tensor(-2.8353)
        >>> posterior = prior.condition(y, torch.tensor([1.0, 1.5, 20.0]))
        >>> posterior.mean, posterior.variance
        (tensor([0.6890, 0.5628, 0.0000]), tensor([0.0098, 0.0768, 1.0000]))
    """

    arg_constraints = {"noise": tc.independent(tc.nonnegative, 1)}
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        kernel: Kernel,
        X: Any,
        mean_function: Callable[[Any], Tensor] | Numeric = 0.0,
        noise: Numeric = 0.0,
        jitter: float = 1e-6,
        validate_args: bool | None = None,
    ) -> None:
        self.kernel, self.X, self.mean_function, self.jitter = kernel, X, mean_function, jitter
        covariance = kernel(X, X)
        size = covariance.shape[-1] if covariance.dim() else 0
        if covariance.shape[-2:] != (size, size):
            raise ShapeError(
                "GaussianProcess: kernel(X, X) should be a square matrix (..., n, n), but has the "
                f"shape {tuple(covariance.shape)}"
            )
        mean, noise = self._mean_at(X, covariance), tensor_like(noise, covariance)
        vector = broadcast_shape(covariance.shape[:-1], mean.shape, noise.shape, (size,))
        self.loc, self.noise = mean.expand(vector), noise.expand(vector)
        super().__init__(vector[:-1], vector[-1:], validate_args)
        factor = self._factor(covariance + (noise + jitter).expand(vector).diag_embed())
        self.scale_tril = factor.expand((*vector, size))

    def _mean_at(self, inputs: Any, like: Tensor) -> Tensor:
        mean = self.mean_function
        return tensor_like(mean(inputs) if callable(mean) else mean, like)

    def _factor(self, covariance: Tensor) -> Tensor:
        if self._validate_args:
            _check_symmetric(covariance.detach())
        factor, info = torch.linalg.cholesky_ex(covariance)
        if not torch._C._get_tracing_state() and info.any():
            raise _not_definite(covariance.detach(), self.jitter)
        return factor  # type: ignore[no-any-return]

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Impossible: the shape is that of what the kernel answers.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("GaussianProcess.infer_shapes: the kernel tells the shapes")

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        if batch_shape == self._batch_shape:
            return self
        given = ("kernel", "X", "mean_function")
        new = expand_parameters(self, batch_shape, without=given)
        new.__dict__.update({name: self.__dict__[name] for name in given})
        return new

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape + (n,)``; differentiable."""
        loc = self.loc
        noise = torch.randn(self.shape(sample_shape), dtype=loc.dtype, device=loc.device)
        return loc + (noise.unsqueeze(-2) @ self.scale_tril.mT).squeeze(-2)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        squares = self._mahalanobis(self._scored(value) - self.loc)
        result: Tensor = -0.5 * squares - self._log_scale() - self._event_shape[0] * LOG_SQRT_2PI
        return result

    def _log_scale(self) -> Tensor:
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def entropy(self) -> Tensor:
        """Half the log determinant of the covariance, and a constant."""
        return self._log_scale() + self._event_shape[0] * (0.5 + LOG_SQRT_2PI)

    def _mahalanobis(self, deviation: Tensor) -> Tensor:
        """Squared lengths after whitening; all samples are columns of one triangular system."""
        batch = deviation.shape[:-1]
        if batch[len(batch) - len(self._batch_shape) :] != self._batch_shape:
            columns, factor = deviation.unsqueeze(-1), self.scale_tril
            return (  # type: ignore[no-any-return]
                torch.linalg.solve_triangular(factor, columns, upper=False).square().sum((-1, -2))
            )
        columns = deviation.reshape(-1, *self.shape()).movedim(0, -1)
        white = torch.linalg.solve_triangular(self.scale_tril, columns, upper=False)
        return white.square().sum(-2).movedim(-1, 0).reshape(batch)  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        """The mean function at X."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance, with noise and jitter."""
        return self.scale_tril.square().sum(-1)

    @property
    def covariance_matrix(self) -> Tensor:
        """The covariance, with noise and jitter; shape ``batch_shape + (n, n)``."""
        return self.scale_tril @ self.scale_tril.mT

    def condition(
        self,
        y: Numeric,
        X_new: Any = None,
        noise: Numeric = 0.0,
        jitter: float | None = None,
    ) -> GaussianProcess:
        """The law of the values at other inputs, given those at X: a Gaussian process, too.

        It can be conditioned again, on what is observed at the new inputs.

        :param y: Observed values at X, of shape ``(..., n)``.
        :param X_new: The inputs to predict at, X by default.
        :param noise: The variance of noise on the new values; by default they are free of it.
        :param jitter: By default that of this process.
        :raises ValueError: if ``y`` does not fit to X.
        """
        deviation = self._scored(y) - self.loc
        weights = torch.cholesky_solve(deviation.unsqueeze(-1), self.scale_tril)
        return GaussianProcess(
            _PosteriorKernel(self),
            self.X if X_new is None else X_new,
            _PosteriorMean(self, weights),
            noise,
            self.jitter if jitter is None else jitter,
            self._validate_args,
        )


@dataclass(frozen=True)
class _PosteriorKernel:
    """Covariances that are left when the values of ``prior`` are known."""

    prior: GaussianProcess

    def __call__(self, x: Any, z: Any) -> Tensor:
        left = self._explained(x)
        right = left if z is x else self._explained(z)
        return self.prior.kernel(x, z) - left.mT @ right

    def _explained(self, x: Any) -> Tensor:
        across = self.prior.kernel(self.prior.X, x)
        return torch.linalg.solve_triangular(self.prior.scale_tril, across, upper=False)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _PosteriorMean:
    """What the known values of ``prior`` lead to expect elsewhere."""

    prior: GaussianProcess
    weights: Tensor

    def __call__(self, x: Any) -> Tensor:
        across = self.prior.kernel(x, self.prior.X)
        return self.prior._mean_at(x, across) + (across @ self.weights).squeeze(-1)


def _check_symmetric(covariance: Tensor) -> None:
    if not torch.isfinite(covariance).all():
        raise ValueError(
            "GaussianProcess: the covariance has entries that are nan or infinite; check the "
            "parameters of the kernel and the inputs"
        )
    difference = (covariance - covariance.mT).abs().amax()
    largest = covariance.abs().amax()
    if difference > 100 * torch.finfo(covariance.dtype).eps * largest * covariance.shape[-1]:
        raise ValueError(
            f"GaussianProcess: kernel(X, X) is not symmetric: entries differ by {difference:.3g}, "
            f"and the largest is {largest:.3g}; check the order of the kernel's arguments"
        )


def _not_definite(covariance: Tensor, jitter: float) -> ValueError:
    least = torch.linalg.eigvalsh(covariance).amin()
    return ValueError(
        f"GaussianProcess: the covariance, of shape {tuple(covariance.shape)}, is not positive "
        f"definite: its least eigenvalue is {least:.3g} with noise and jitter={jitter:g} on the "
        f"diagonal.  Raise jitter or noise, use double precision (this is {covariance.dtype}), "
        "leave out inputs that repeat, or check that the kernel is a covariance"
    )
