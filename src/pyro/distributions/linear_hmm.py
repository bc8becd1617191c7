"""Linear state space models with any noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_shape
from pyro.distributions.hidden_markov_model import HiddenMarkovModel
from pyro.distributions.independent import Independent
from pyro.errors import ShapeError
from pyro.ops.scan import affine_recursion
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

_SCALAR = torch.Size()


class LinearHMM(HiddenMarkovModel):
    r""":math:`x_t = h(z_t H_t + \varepsilon_t),\quad z_t = z_{t-1} F_t + \eta_t`

    A linear state space model whose noise :math:`\eta_t, \varepsilon_t` may be of any kind, heavy
    tailed for instance, and whose observations may be transformed.  It is drawn from in O(log T)
    parallel steps and differentiably, but has no ``log_prob``: infer by a reparameterisation, or by
    a method without likelihoods.

    The first state :math:`z_0` is not observed: it moves before the first observation, as in
    :class:`DiscreteHMM`.  Parameters may depend on time or not; if none does, give ``duration``.

    Durbin and Koopman (2012), *Time Series Analysis by State Space Methods*, section 9.4 (linear
    models that are not Gaussian).

    :param initial_dist: The distribution of :math:`z_0`, of event shape (h).
    :param transition_matrix: :math:`F`, (old, new), of shape (h, h) or (..., T or 1, h, h).
    :param transition_dist: The distribution of :math:`\eta`, of event shape (h) and batch shape ()
        or (..., T or 1).
    :param observation_matrix: :math:`H`, of shape (h, d) or (..., T or 1, h, d).
    :param observation_dist: The distribution of :math:`\varepsilon`, of event shape (d) and batch
        shape () or (..., T or 1).  The transforms of a transformed distribution, such as LogNormal,
        are taken off: they are :math:`h`.
    :param duration: T, for models none of whose parameters depends on time.
    :raises ShapeError: (a ``ValueError``) if shapes do not fit together.

    Example::

        >>> walk = dist.StudentT(torch.tensor([1.5, 1.5])).to_event(1)
        >>> counts = dist.LogNormal(torch.zeros(3), 0.1).to_event(1)
        >>> d = dist.LinearHMM(walk, torch.eye(2), walk, torch.rand(2, 3), counts, duration=50)
        >>> d.rsample().shape, (d.rsample() > 0).all()
        (torch.Size([50, 3]), tensor(True))
    """

    arg_constraints: dict[str, Any] = {}

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
        transition_matrix = tensor_like(transition_matrix)
        observation_matrix = tensor_like(observation_matrix, transition_matrix)
        event_shape = tuple(observation_dist.event_shape)
        observation_dist, transforms = _without_transforms(observation_dist)
        self.hidden_dim, self.obs_dim = _dims(
            initial_dist, transition_matrix, transition_dist, observation_matrix, observation_dist
        )
        times = broadcast_shape(
            initial_dist.batch_shape + (1,),
            transition_matrix.shape[:-2],
            transition_dist.batch_shape,
            observation_matrix.shape[:-2],
            observation_dist.batch_shape,
        )
        self.initial_dist, self.transition_matrix = initial_dist, transition_matrix
        self.transition_dist, self.observation_matrix = transition_dist, observation_matrix
        self.observation_dist = observation_dist
        self.transforms = transforms
        parts = (initial_dist, transition_dist, observation_dist)
        self.has_rsample = all(part.has_rsample for part in parts)
        super().__init__(duration, times[:-1], (times[-1], *event_shape), validate_args)

    @tc.dependent_property
    def support(self) -> Any:
        """Sequences of what the transforms give."""
        last = self.transforms[-1].codomain if self.transforms else tc.real
        return tc.independent(last, 2 - last.event_dim)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; parameters are stored once."""
        return expand_shape(self, batch_shape)

    def log_prob(self, value: Numeric) -> NoReturn:
        """There is none.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError(
            "LinearHMM has no log_prob; use the reparameterisation LinearHMMReparam, "
            "or GaussianHMM if all noise is normal"
        )

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A draw without a gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """States by a scan, then an observation of each.

        :raises ValueError: if the model does not say for how many steps.
        """
        times = self._batch_shape + (self._steps_to_draw(),)
        start = _draw(self.initial_dist.expand(self._batch_shape), sample_shape).unsqueeze(-2)
        moves = _draw(self.transition_dist.expand(times), sample_shape)
        states = affine_recursion(start, self.transition_matrix, moves)
        value: Tensor = (states.unsqueeze(-2) @ self.observation_matrix).squeeze(-2)
        value = value + _draw(self.observation_dist.expand(times), sample_shape)
        for transform in self.transforms:
            value = transform(value)
        return value


def _draw(distribution: Any, sample_shape: Sequence[int]) -> Tensor:
    draw = distribution.rsample if distribution.has_rsample else distribution.sample
    return draw(torch.Size(sample_shape))  # type: ignore[no-any-return]


def _without_transforms(distribution: Any) -> tuple[Any, tuple[Any, ...]]:
    """The distribution of vectors before all transforms, and the transforms."""
    transforms: tuple[Any, ...] = ()
    while True:
        inner = distribution
        while isinstance(inner, td.Independent):
            inner = inner.base_dist
        if not isinstance(inner, td.TransformedDistribution):
            break
        transforms = (*inner.transforms, *transforms)
        distribution = inner.base_dist
    missing = 1 - len(distribution.event_shape)
    return (Independent(distribution, missing) if missing > 0 else distribution), transforms


def _dims(initial: Any, transition: Tensor, move: Any, observe: Tensor, noise: Any) -> list[int]:
    """The dimensions of states and of observations."""
    shapes = [tuple(d.event_shape) for d in (initial, move, noise)]
    h, d = shapes[0], shapes[2]
    fits = len(h) == len(d) == 1 and shapes[1] == h
    if not fits or transition.shape[-2:] != h + h or observe.shape[-2:] != h + d:
        raise ShapeError(
            "LinearHMM needs initial_dist and transition_dist of event shape (h,), "
            "transition_matrix (..., h, h), observation_matrix (..., h, d) and observation_dist of "
            f"event shape (d,); got {shapes[0]}, {shapes[1]}, {tuple(transition.shape)}, "
            f"{tuple(observe.shape)} and {shapes[2]}"
        )
    return [*h, *d]
