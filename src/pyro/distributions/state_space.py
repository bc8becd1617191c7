"""What the linear-Gaussian state space families share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.distributions.gaussian_noise import Noise, check_gaussian, gaussian_noise
from pyro.distributions.sequence import SequenceDistribution, working_dtype
from pyro.errors import ShapeError
from pyro.ops.batch_last import stacked, transpose
from pyro.ops.gaussian_kernel import State
from pyro.ops.linear_gaussian import Observed, Sensor, count, observe
from pyro.ops.scan import affine_recursion
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

_SCALAR = torch.Size()


class Transition(NamedTuple):
    """The mean map, the offset and the noise of a step, with their entries in front."""

    A: Tensor
    b: Tensor
    C: Tensor


class Seen(NamedTuple):
    """A model that has met its data, and how many numbers these are."""

    initial: State
    observed: Observed
    number: Tensor
    batch_shape: torch.Size


class StateSpaceDistribution(SequenceDistribution):
    """Base of the laws of sequences that are seen through a hidden linear-Gaussian chain.

    Example::

        >>> noise = dist.Normal(torch.zeros(2), 1.0).to_event(1)
        >>> matrix, seen = torch.eye(2), torch.ones(2, 2)
        >>> d = dist.GaussianHMM(noise, matrix, noise, seen, noise, duration=5)
        >>> d.hidden_dim, d.obs_dim, d.event_shape
        (2, 2, torch.Size([5, 2]))
    """

    def _set(
        self,
        initial_dist: Any,
        transition_matrix: Numeric,
        transition_dist: Any,
        observation_matrix: Numeric,
        observation_dist: Any,
    ) -> torch.Size:
        """Keep and check the parameters; the shape ``(batch..., time)`` that they broadcast to."""
        self.transition_matrix = F = tensor_like(transition_matrix)
        self.observation_matrix = H = tensor_like(observation_matrix)
        self.initial_dist, self.transition_dist = initial_dist, transition_dist
        self.observation_dist = observation_dist
        owner = type(self).__name__
        if F.dim() < 2 or H.dim() < 2 or not F.shape[-2] == F.shape[-1] == H.shape[-2]:
            raise ShapeError(
                f"{owner}: transition_matrix (..., hidden_dim, hidden_dim) and observation_matrix "
                f"(..., hidden_dim, obs_dim) do not fit, got {tuple(F.shape)} and {tuple(H.shape)}"
            )
        self.hidden_dim, self.obs_dim = H.shape[-2:]
        check_gaussian(owner, "initial_dist", initial_dist, self.hidden_dim)
        check_gaussian(owner, "transition_dist", transition_dist, self.hidden_dim)
        check_gaussian(owner, "observation_dist", observation_dist, self.obs_dim, True)
        return broadcast_shape(
            initial_dist.batch_shape + (1,),
            F.shape[:-2],
            transition_dist.batch_shape,
            H.shape[:-2],
            observation_dist.batch_shape,
        )

    @property
    def _like(self) -> Tensor:
        return self.transition_matrix

    def _see(self, value: Numeric) -> Seen:
        """Bring the parameters into one layout, and each step to its data."""
        value = self._sequence(value)
        batch, dtype = self._batch_with(value), working_dtype(value.device)
        sensor, noise = self._sensor(batch, dtype)
        y, present = self._visible(value, noise, batch)
        observed = observe(*self._transition(batch, dtype), sensor, y - noise.loc, present)
        return Seen(self._initial(batch, dtype), observed, count(y, present), batch)

    def _batch_with(self, value: Tensor) -> torch.Size:
        return broadcast_shape(self._own_batch, value.shape[:-2])

    def _initial(self, batch: torch.Size, dtype: torch.dtype) -> State:
        noise = gaussian_noise(self.initial_dist, batch, dtype, timed=False)
        return State(noise.loc, noise.cov)

    def _transition(self, batch: torch.Size, dtype: torch.dtype) -> Transition:
        noise = gaussian_noise(self.transition_dist, batch, dtype)
        A = transpose(stacked(self.transition_matrix, batch, 2, dtype))
        return Transition(A, noise.loc, noise.cov)

    def _sensor(self, batch: torch.Size, dtype: torch.dtype) -> tuple[Sensor, Noise]:
        noise = gaussian_noise(self.observation_dist, batch, dtype)
        H = transpose(stacked(self.observation_matrix, batch, 2, dtype))
        return Sensor(H, noise.cov), noise

    def _visible(
        self, value: Tensor, noise: Noise, batch: torch.Size
    ) -> tuple[Tensor, Tensor | None]:
        """The data with their entries in front and zeros where they are missing, and where not."""
        value = value.expand(batch + value.shape[-2:])
        y = value.reshape((-1,) + value.shape[-2:]).permute(2, 0, 1).to(noise.loc.dtype)
        present = noise.present
        if noise.skips_nan:
            present = ~y.isnan() if present is None else ~y.isnan() & present
        if present is not None:
            y = torch.where(present, y, 0)
        self._check_seen(y)
        return y, present

    def _draw(self, sample_shape: Sequence[int], scale: Tensor | None = None) -> Tensor:
        """A differentiable draw of a sequence; noises are multiplied by ``scale``."""
        steps = self._steps_to_draw()
        shape = torch.Size(sample_shape) + self._batch_shape

        def noise(distribution: Any, *time: int) -> Tensor:
            draw: Tensor = distribution.expand(shape + time).rsample()
            if scale is None:
                return draw
            loc: Tensor = distribution.mean
            return loc + (draw - loc) * scale.reshape(scale.shape + (1,) * (len(time) + 1))

        first = noise(self.initial_dist)[..., None, :]
        states = affine_recursion(first, self.transition_matrix, noise(self.transition_dist, steps))
        seen = (states[..., None, :] @ self.observation_matrix)[..., 0, :]
        return seen + noise(self.observation_dist, steps)
