"""Hidden Markov models with linear-Gaussian states: the Kalman filter as a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.gaussian_noise import (
    Noise,
    at_times,
    check_gaussian,
    final_state,
    gaussian_noise,
    normal_at_times,
)
from pyro.distributions.masked import MaskedDistribution
from pyro.distributions.sequence import working_dtype
from pyro.distributions.state_space import StateSpaceDistribution
from pyro.distributions.torch_multivariate import MultivariateNormal
from pyro.errors import ShapeError
from pyro.ops.batch_last import (
    add_identity,
    congruence,
    inverse,
    matmul,
    matvec,
    plus,
    transpose,
    unstacked,
    unstacked_matrices,
)
from pyro.ops.gaussian_chain import filter_chain
from pyro.ops.gaussian_kernel import Information, Kernel, State, meet
from pyro.ops.gaussian_path import future_information, sample_path
from pyro.ops.linear_gaussian import Sensor, observe
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()


class GaussianHMM(StateSpaceDistribution):
    r""":math:`f(x) = \int p(z_0) \prod_{t=1}^T \mathcal N(z_t;\, F_t' z_{t-1} + u_t,\, Q_t)\,
    \mathcal N(x_t;\, H_t' z_t + v_t,\, R_t)\, dz`

    A linear-Gaussian state space model with its hidden path integrated out: the likelihood of the
    Kalman filter, computed by halves in :math:`O(\log T)` sequential steps.  As a program::

        z = initial_dist.sample()
        for t in range(T):
            z = z @ transition_matrix + transition_dist.sample()
            x[t] = z @ observation_matrix + observation_dist.sample()

    Särkkä and García-Fernández (2021), *Temporal Parallelization of Bayesian Smoothers*.

    Whatever has no time dimension, or one of size 1, is common to all times; models in which all
    but the data is common cost a fraction.  No covariance is inverted but that of an observation,
    so that deterministic transitions and diffuse initial laws are welcome, and float32 is computed
    in double precision inside.

    :param initial_dist: The law of :math:`z_0`, a MultivariateNormal or ``Normal.to_event(1)`` of
        event shape ``(hidden_dim,)``; its batch shape broadcasts to ``batch_shape``.
    :param transition_matrix: :math:`F`, real, shape ``(hidden_dim, hidden_dim)``, ordered (old,
        new); broadcasts to ``batch_shape + (T, hidden_dim, hidden_dim)``.
    :param transition_dist: :math:`\mathcal N(u, Q)`, event shape ``(hidden_dim,)``; its batch shape
        broadcasts to ``batch_shape + (T,)``.
    :param observation_matrix: :math:`H`, real, broadcasts to
        ``batch_shape + (T, hidden_dim, obs_dim)``.
    :param observation_dist: :math:`\mathcal N(v, R)`, event shape ``(obs_dim,)``; its batch shape
        broadcasts to ``batch_shape + (T,)``.  **Missing data**: what its mask excludes (whole
        observations by ``dist.mask``, entries by ``Normal(...).mask(...).to_event(1)``) is
        integrated out and may be nan; with ``NanMaskedNormal(...).to_event(1)`` or
        ``NanMaskedMultivariateNormal`` every nan is.
    :param duration: T, where no parameter has a time dimension; without it sequences of any length
        can be scored, but none drawn.
    :raises ShapeError: (a ``ValueError``) if the dimensions do not fit.

    Example::

        >>> noise = dist.Normal(torch.zeros(1), 1.0).to_event(1)
        >>> d = dist.GaussianHMM(noise, torch.ones(1, 1), noise, torch.ones(1, 1), noise)
        >>> x = torch.tensor([[1.0], [2.0], [1.5]])
        >>> d.log_prob(x), d.filter(x).mean
        (tensor(-4.7791), tensor([1.5000]))
    """

    def __init__(
        self,
        initial_dist: Any,
        transition_matrix: Numeric,
        transition_dist: Any,
        observation_matrix: Numeric,
        observation_dist: Any,
        validate_args: bool | None = None,
        duration: int | None = None,
    ) -> None:
        shape = self._set(
            initial_dist, transition_matrix, transition_dist, observation_matrix, observation_dist
        )
        self._set_shapes(shape, validate_args, duration)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``value`` is (..., T, obs_dim)."""
        seen = self._see(value)
        found = filter_chain(seen.initial, seen.observed.chain)
        misfit = found.misfit + seen.observed.misfit
        log_det = found.log_det + seen.observed.log_det
        return self._shown((misfit + log_det) / -2, seen.batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A differentiable draw.

        :raises ShapeError: if no duration is known.
        """
        return self._draw(sample_shape)

    def filter(self, value: Numeric) -> MultivariateNormal:
        """The law of the final state :math:`z_T` given the observations.

        :return: of batch shape ``batch_shape`` (broadcast with that of ``value``); it can be the
            ``initial_dist`` of a model of what follows.
        """
        seen = self._see(value)
        found = filter_chain(seen.initial, seen.observed.chain)
        shape = broadcast_shape(self._batch_shape, seen.batch_shape)
        return final_state(found.state, seen.batch_shape, shape, self._like.dtype)

    def rsample_posterior(self, value: Numeric, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A differentiable draw of the hidden path :math:`z_1 \\dots z_T` given the observations.

        :return: shape ``sample_shape + batch_shape + (T, hidden_dim)``.
        """
        value = self._sequence(value)
        batch = broadcast_shape(self._batch_shape, value.shape[:-2])
        shape = torch.Size(sample_shape) + batch + value.shape[-2:]
        seen = self._see(value.expand(shape))
        path = sample_path(seen.initial, seen.observed.chain)[..., 1:]
        return unstacked(path, seen.batch_shape).to(self._like.dtype)

    def prefix_condition(self, data: Numeric) -> GaussianHMM:
        """The law of the rest of the sequence, given how it begins.

        :param data: the first t of T observations, shape (..., t, obs_dim) with t < T.
        :return: event shape ``(T - t, obs_dim)``.
        :raises ShapeError: if nothing remains.
        """
        data = self._as_value(data)
        steps, seen = self.duration, data.shape[-2]
        if steps is None or not 0 < seen < steps:
            raise ShapeError(
                "GaussianHMM.prefix_condition takes fewer observations than the model has steps "
                f"(duration={steps}), got data of shape {tuple(data.shape)}"
            )
        law = self._part(slice(0, seen), self.initial_dist).filter(data)
        return self._part(slice(seen, steps), law)

    def conjugate_update(self, other: Any) -> tuple[GaussianHMM, Tensor]:
        """Fuse with independent Gaussian beliefs about the observations.

        :param other: ``MultivariateNormal.to_event(1)`` or ``Normal.to_event(2)`` of event shape
            ``(T, obs_dim)``.
        :return: ``(updated, log_normalizer)`` such that ``f.log_prob(x) + other.log_prob(x)`` is
            ``updated.log_prob(x) + log_normalizer`` for all x; ``updated`` varies in time.
        :raises NotImplementedError: where observations are masked.
        """
        belief_dist = other.to_event(-1)
        check_gaussian("GaussianHMM.conjugate_update", "other", belief_dist, self.obs_dim)
        if isinstance(self.observation_dist, MaskedDistribution):
            raise NotImplementedError("GaussianHMM.conjugate_update with a masked observation_dist")
        shape = broadcast_shape(self._own_batch, other.batch_shape)
        dtype = working_dtype(self._like.device)
        belief = gaussian_noise(belief_dist, shape, dtype)
        sensor, noise = self._sensor(shape, dtype)
        steps = other.event_shape[0]
        y = (belief.loc - noise.loc).expand(self.obs_dim, shape.numel(), steps)
        both = plus(sensor.R, belief.cov)
        observed = observe(*self._transition(shape, dtype), Sensor(sensor.H, both), y)
        initial = self._initial(shape, dtype)
        found = filter_chain(initial, observed.chain)
        evidence = found.misfit + observed.misfit + found.log_det + observed.log_det
        fused = _fused(sensor, noise.loc, belief, both)
        updated = _conditioned(initial, observed.chain, *fused, shape, self._like.dtype)
        updated = updated.expand(broadcast_shape(self._batch_shape, shape))
        return updated, self._shown(evidence / -2, shape)

    def _part(self, times: slice, initial_dist: Any) -> GaussianHMM:
        """The model of some of the times, from another initial law on."""
        F, H = (
            x if x.shape[-3:-2] in ((), (1,)) else x[..., times, :, :]
            for x in (self.transition_matrix, self.observation_matrix)
        )
        part = GaussianHMM(
            initial_dist,
            F,
            at_times(self.transition_dist, times),
            H,
            at_times(self.observation_dist, times),
            self.__dict__.get("_validate_args"),
            times.stop - times.start,
        )
        shape = broadcast_shape(self._batch_shape, initial_dist.batch_shape)
        return part.expand(shape)  # type: ignore[no-any-return]


def _fused(sensor: Sensor, loc: Tensor, belief: Noise, both: Tensor) -> tuple[Sensor, Tensor]:
    """The law of an observation given the state and an independent belief about it."""
    gain = matmul(sensor.R, inverse(both))
    rest = add_identity(gain, -1)
    cov = plus(congruence(rest, sensor.R), congruence(gain, belief.cov))
    return Sensor(matmul(rest, sensor.H), cov), matvec(rest, loc) + matvec(gain, belief.loc)


def _conditioned(
    initial: State,
    chain: Kernel,
    sensor: Sensor,
    loc: Tensor,
    batch: torch.Size,
    dtype: torch.dtype,
) -> GaussianHMM:
    """The model whose steps are those of a chain, given all likelihoods of the chain."""
    info = future_information(chain)
    start = meet(initial, Information(info.eta[..., :1], info.J[..., :1]))
    step = meet(State(chain.b, chain.C), Information(info.eta[..., 1:], info.J[..., 1:]))
    return GaussianHMM(
        final_state(State(start.mu, start.V), batch, batch, dtype),
        unstacked_matrices(transpose(matmul(step.M, chain.A)), batch).to(dtype),
        normal_at_times(State(step.mu, step.V), batch, dtype),
        unstacked_matrices(transpose(sensor.H), batch).to(dtype),
        normal_at_times(State(loc, sensor.R), batch, dtype),
    )
