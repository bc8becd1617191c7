"""Temporal Markov random fields with Gaussian factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.distributions.gaussian_noise import Noise, check_gaussian, gaussian_noise
from pyro.distributions.sequence import SequenceDistribution, working_dtype
from pyro.errors import ShapeError
from pyro.ops.batch_last import (
    add_identity,
    add_matmul,
    add_matvec,
    cholesky,
    inverse,
    matmul,
    matvec,
    plus,
    stacked,
    transpose,
    unstacked,
)
from pyro.ops.gaussian_chain import filter_chain
from pyro.ops.gaussian_kernel import Kernel, State
from pyro.ops.gaussian_path import sample_path
from pyro.ops.linear_gaussian import Observed, Sensor, log_density, observe
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()


class GaussianMRF(SequenceDistribution):
    r""":math:`f(x) = \frac1Z \int p_0(z_0) \prod_{t=1}^T p(z_{t-1}, z_t)\, q(z_t, x_t)\, dz`

    A chain of hidden states with Gaussian factors for the first state, for pairs of successive
    states and for pairs of state and observation; :math:`Z` normalises it over sequences of its
    length, in :math:`O(\log T)` sequential steps.  Särkkä and García-Fernández (2021), *Temporal
    Parallelization of Bayesian Smoothers*.

    :param initial_dist: :math:`p_0`, a MultivariateNormal or ``Normal.to_event(1)`` of event shape
        ``(hidden_dim,)``; its batch shape broadcasts to ``batch_shape``.
    :param transition_dist: :math:`p`, a factor of (old, new) states of event shape
        ``(hidden_dim + hidden_dim,)``; its batch shape broadcasts to ``batch_shape + (T,)``.
    :param observation_dist: :math:`q`, a factor of state and observation of event shape
        ``(hidden_dim + obs_dim,)``; its batch shape broadcasts to ``batch_shape + (T,)``.
    :raises ShapeError: (a ``ValueError``) if the dimensions do not fit.

    Without a time dimension sequences of any length can be scored, and those of length 1 drawn.

    Example::

        >>> first = dist.MultivariateNormal(torch.zeros(1), torch.eye(1))
        >>> pair = dist.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
        >>> d = dist.GaussianMRF(first, pair, pair)
        >>> d.log_prob(torch.tensor([[0.5], [1.0]]))
        tensor(-2.3842)
    """

    def __init__(
        self,
        initial_dist: Any,
        transition_dist: Any,
        observation_dist: Any,
        validate_args: bool | None = None,
    ) -> None:
        (self.hidden_dim,) = initial_dist.event_shape
        self.obs_dim = observation_dist.event_shape[0] - self.hidden_dim
        if self.obs_dim < 1:
            raise ShapeError(
                f"GaussianMRF: observation_dist must have more entries than the {self.hidden_dim} "
                f"of initial_dist, got event_shape {tuple(observation_dist.event_shape)}"
            )
        check_gaussian("GaussianMRF", "initial_dist", initial_dist, self.hidden_dim)
        check_gaussian("GaussianMRF", "transition_dist", transition_dist, 2 * self.hidden_dim)
        self.initial_dist, self.transition_dist = initial_dist, transition_dist
        self.observation_dist = observation_dist
        check_gaussian(
            "GaussianMRF", "observation_dist", observation_dist, self.hidden_dim + self.obs_dim
        )
        shape = broadcast_shape(
            initial_dist.batch_shape + (1,),
            transition_dist.batch_shape,
            observation_dist.batch_shape,
        )
        self._set_shapes(shape, validate_args)

    @property
    def _like(self) -> Tensor:
        return self.initial_dist.mean  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``value`` is (..., T, obs_dim)."""
        value = self._sequence(value)
        batch = broadcast_shape(self._own_batch, value.shape[:-2])
        x = stacked(value.expand(batch + value.shape[-2:]), batch, 1, working_dtype(value.device))
        self._check_seen(x)
        x = x.expand(-1, batch.numel(), -1)
        factors = self._factors(batch, x.dtype)
        state, seen = factors.state, factors.observation
        belief = add_matvec(state.loc, factors.gain, x - seen.loc)
        joint = _log_mass(factors, Noise(belief, factors.rest))
        joint = joint + log_density(x - seen.loc, seen.cov)
        total = _log_mass(factors, Noise(state.loc.expand_as(belief), state.cov))
        return self._shown(joint - total, batch)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A differentiable draw: of the hidden path, and of the observations given the path."""
        shape = torch.Size(sample_shape) + self._batch_shape
        factors = self._factors(shape, working_dtype(self._like.device))
        state, seen = factors.state, factors.observation
        size = (self.hidden_dim, shape.numel(), self._event_shape[0])
        chain = _chain(factors, Noise(state.loc.expand(size), state.cov))
        z = sample_path(factors.initial, chain.chain)[..., 1:]
        back = transpose(matmul(inverse(state.cov), factors.cross))
        cov = plus(seen.cov, -matmul(back, factors.cross))
        mean = add_matvec(seen.loc, back, z - state.loc)
        x = mean + matvec(cholesky(cov), torch.randn_like(mean))
        return unstacked(x, shape).to(self._like.dtype)

    def _factors(self, batch: torch.Size, dtype: torch.dtype) -> _Factors:
        n = self.hidden_dim
        initial = gaussian_noise(self.initial_dist, batch, dtype, timed=False)
        pair = gaussian_noise(self.transition_dist, batch, dtype)
        old, cross = inverse(pair.cov[:n, :n]), pair.cov[n:, :n]
        A = matmul(cross, old)
        b = add_matvec(pair.loc[n:], A, pair.loc[:n], -1)
        step = Kernel(
            A,
            b,
            add_matmul(pair.cov[n:, n:], A, transpose(cross), -1),
            matvec(old, pair.loc[:n]),
            old,
        )
        both = gaussian_noise(self.observation_dist, batch, dtype)
        state = Noise(both.loc[:n], both.cov[:n, :n])
        seen = Noise(both.loc[n:], both.cov[n:, n:])
        cross = both.cov[:n, n:]
        gain = matmul(cross, inverse(seen.cov))
        rest = add_matmul(state.cov, gain, transpose(cross), -1)
        return _Factors(State(initial.loc, initial.cov), step, state, seen, cross, gain, rest)


class _Factors(NamedTuple):
    """The factors: ``step`` begins with a likelihood of the old state; ``gain`` and ``rest`` give
    the law of a state by its observation.
    """

    initial: State
    step: Kernel
    state: Noise
    observation: Noise
    cross: Tensor
    gain: Tensor
    rest: Tensor


def _chain(factors: _Factors, belief: Noise) -> Observed:
    """The steps, each followed by a belief about its new state."""
    A, b, C, eta, J = factors.step
    itself = add_identity(torch.zeros_like(belief.cov))
    observed = observe(A, b, C, Sensor(itself, belief.cov), belief.loc)
    chain = observed.chain
    chain = chain._replace(eta=chain.eta + eta, J=plus(chain.J, J))
    return observed._replace(chain=chain)


def _log_mass(factors: _Factors, belief: Noise) -> Tensor:
    """The logarithm of the integral over all states, up to constants of ``step``."""
    observed = _chain(factors, belief)
    found = filter_chain(factors.initial, observed.chain)
    return (found.misfit + observed.misfit + found.log_det + observed.log_det) / -2
