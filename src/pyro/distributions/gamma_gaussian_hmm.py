"""Linear-Gaussian hidden Markov models whose noises share an unknown scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.gamma import Gamma
from pyro.distributions.gaussian_noise import final_state
from pyro.distributions.state_space import StateSpaceDistribution
from pyro.distributions.torch_multivariate import MultivariateNormal
from pyro.ops.gaussian_chain import filter_chain
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()


class GammaGaussianHMM(StateSpaceDistribution):
    r""":math:`f(x) = \int_0^\infty \mathrm{Gamma}(s;\, a, b)\, f_s(x)\, ds`, where :math:`f_s` is a
    GaussianHMM all of whose covariances are divided by :math:`s`

    A heavy-tailed state space model: all states and observations are jointly multivariate Student,
    and the filter stays exact.  As a program::

        s = scale_dist.sample()
        z = scale(initial_dist, s).sample()
        for t in range(T):
            z = z @ transition_matrix + scale(transition_dist, s).sample()
            x[t] = z @ observation_matrix + scale(observation_dist, s).sample()

    where ``scale(mvn(loc, precision), s)`` is ``mvn(loc, s * precision)``.  Girón and Rojano
    (1994), *Bayesian Kalman Filtering with Elliptically Contoured Errors*, Biometrika 81; Tronarp,
    Karvonen and Särkkä (2019), *Student's t-Filters for Noise Scale Estimation*, IEEE Signal
    Process. Lett. 26.

    :param scale_dist: The law of :math:`s`, a Gamma whose batch shape broadcasts to
        ``batch_shape``.
    :param initial_dist: The law of the first state at :math:`s = 1`, a MultivariateNormal or
        ``Normal.to_event(1)`` of event shape ``(hidden_dim,)``.
    :param transition_matrix: real, broadcasts to ``batch_shape + (T, hidden_dim, hidden_dim)``,
        ordered (old, new).
    :param transition_dist: The noise of a step at :math:`s = 1`, event shape ``(hidden_dim,)``,
        batch shape broadcastable to ``batch_shape + (T,)``.
    :param observation_matrix: real, broadcasts to ``batch_shape + (T, hidden_dim, obs_dim)``.
    :param observation_dist: The noise of an observation at :math:`s = 1`, event shape
        ``(obs_dim,)``, batch shape broadcastable to ``batch_shape + (T,)``; what its mask excludes
        is missing, as in :class:`GaussianHMM`.
    :param duration: T, where no parameter has a time dimension.
    :raises ShapeError: (a ``ValueError``) if the dimensions do not fit.

    Example::

        >>> noise = dist.Normal(torch.zeros(1), 1.0).to_event(1)
        >>> one = torch.ones(1, 1)
        >>> d = dist.GammaGaussianHMM(dist.Gamma(2.0, 2.0), noise, one, noise, one, noise)
        >>> scale, state = d.filter(torch.tensor([[1.0], [2.0], [1.5]]))
        >>> scale.concentration, scale.rate, state.mean
        (tensor(3.5000), tensor(2.5000), tensor([1.5000]))
    """

    def __init__(
        self,
        scale_dist: Any,
        initial_dist: Any,
        transition_matrix: Numeric,
        transition_dist: Any,
        observation_matrix: Numeric,
        observation_dist: Any,
        validate_args: bool | None = None,
        duration: int | None = None,
    ) -> None:
        if not isinstance(scale_dist, td.Gamma):
            raise ValueError(f"GammaGaussianHMM: scale_dist must be a Gamma, got {scale_dist!r}")
        self.scale_dist = scale_dist
        shape = self._set(
            initial_dist, transition_matrix, transition_dist, observation_matrix, observation_dist
        )
        shape = broadcast_shape(shape, scale_dist.batch_shape + (1,))
        self._set_shapes(shape, validate_args, duration)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``value`` is (..., T, obs_dim)."""
        seen = self._see(value)
        found = filter_chain(seen.initial, seen.observed.chain)
        shape = seen.batch_shape
        log_det = (found.log_det + seen.observed.log_det).reshape(shape)
        half = seen.number.reshape(shape) / 2
        a, b = self._concentration_and_rate(log_det.dtype)
        misfit = (found.misfit + seen.observed.misfit).reshape(shape)
        ratio = torch.lgamma(a + half) - torch.lgamma(a)
        log_prob = ratio - half * b.log() - (a + half) * (misfit / (2 * b)).log1p()
        return self._shown(log_prob - log_det / 2, shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A differentiable draw.

        :raises ShapeError: if no duration is known.
        """
        shape = torch.Size(sample_shape) + self._batch_shape
        return self._draw(sample_shape, self.scale_dist.expand(shape).rsample().rsqrt())

    def filter(self, value: Numeric) -> tuple[Gamma, MultivariateNormal]:
        """The law of :math:`s`, and that of the final state at :math:`s = 1`, given observations.

        Given :math:`s`, the covariance of the state is that of the second law divided by :math:`s`.
        """
        seen = self._see(value)
        found = filter_chain(seen.initial, seen.observed.chain)
        dtype, shape = self._like.dtype, broadcast_shape(self._batch_shape, seen.batch_shape)
        a, b = self._concentration_and_rate(found.misfit.dtype)
        misfit = (found.misfit + seen.observed.misfit).reshape(seen.batch_shape)
        a, b = a + seen.number.reshape(seen.batch_shape) / 2, b + misfit / 2
        scale = Gamma(a.to(dtype).expand(shape), b.to(dtype).expand(shape), validate_args=False)
        return scale, final_state(found.state, seen.batch_shape, shape, dtype)

    def _concentration_and_rate(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return self.scale_dist.concentration.to(dtype), self.scale_dist.rate.to(dtype)
