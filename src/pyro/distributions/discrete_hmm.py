"""Hidden Markov models with finitely many states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.categorical import Categorical
from pyro.distributions.expand_parameters import expand_shape
from pyro.distributions.hidden_markov_model import HiddenMarkovModel
from pyro.errors import ShapeError
from pyro.ops.discrete_chain import log_evidence, log_filter, sample_states
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

_SCALAR = torch.Size()


class DiscreteHMM(HiddenMarkovModel):
    r""":math:`f(x) = \sum_{z_0 \dots z_T} \pi(z_0) \prod_t A_t(z_{t-1}, z_t) f_t(x_t \mid z_t)`

    A sequence of observations of a hidden Markov chain with :math:`n` states, which moves before
    each observation, the first one too.  The density, its gradient, the filter and draws take
    O(log T) parallel steps.

    Parameters may depend on time or not.  If none does, and no ``duration`` is given, the event
    shape begins with 1 and sequences of any length can be scored.

    Steps without an observation: mask them in ``observation_dist``, as in
    ``dist.Normal(loc, 1.0).mask(seen)`` with ``seen`` of shape (T, 1), or use a family such as
    :class:`NanMaskedNormal` for which nan stands for what is missing.  Masked values may be nan.

    Rabiner (1989), *A Tutorial on Hidden Markov Models and Selected Applications in Speech
    Recognition*, section III; Särkkä and García-Fernández (2021), *Temporal Parallelization of
    Bayesian Smoothers*.

    :param initial_logits: :math:`\log\pi` up to a constant, shape (..., n); ``-inf`` forbids a
        state.
    :param transition_logits: :math:`\log A` up to a constant in each row, (old, new), of shape
        (n, n) or (..., T or 1, n, n); ``-inf`` forbids a transition.
    :param observation_dist: The distributions of an observation for each state, of batch shape (n)
        or (..., T or 1, n).  The dims ... of all three broadcast to the batch shape.
    :param duration: T, for draws of a model none of whose parameters depends on time.
    :raises ShapeError: (a ``ValueError``) if shapes do not fit together.

    Example::

        >>> stay = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
        >>> loud = dist.Normal(torch.tensor([0.0, 3.0]), 1.0)
        >>> d = dist.DiscreteHMM(torch.zeros(2), stay.log(), loud)
        >>> x = torch.tensor([0.1, -0.4, 2.9, 3.3])
        >>> d.log_prob(x), d.filter(x).probs
        (tensor(-7.0152), tensor([0.0018, 0.9982]))
    """

    arg_constraints = {"initial_logits": tc.real_vector, "transition_logits": tc.real}

    def __init__(
        self,
        initial_logits: Numeric,
        transition_logits: Numeric,
        observation_dist: Any,
        validate_args: bool | None = None,
        duration: int | None = None,
    ) -> None:
        initial = tensor_like(initial_logits)
        transition = tensor_like(transition_logits, initial)
        _check_states(initial.shape, transition.shape, observation_dist.batch_shape)
        times = broadcast_shape(transition.shape[:-2], observation_dist.batch_shape[:-1], (1,))
        batch = broadcast_shape(initial.shape[:-1], times[:-1])
        self.initial_logits = _normalized(initial)
        self.transition_logits = _normalized(transition)
        self.observation_dist = observation_dist
        event_shape = times[-1:] + observation_dist.event_shape
        super().__init__(duration, batch, event_shape, validate_args)

    @tc.dependent_property
    def support(self) -> Any:
        """Sequences in the support of the observations."""
        return tc.independent(self.observation_dist.support, 1)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; parameters are stored once."""
        return expand_shape(self, batch_shape)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``-inf``, with gradient 0, if impossible."""
        log_prob = log_evidence(*self._chain(self._sequence(value)))
        return log_prob.expand(broadcast_shape(log_prob.shape, self._batch_shape))

    def filter(self, value: Numeric) -> Categorical:
        """The posterior of the last state.

        :param value: A sequence, whose length may differ from ``duration`` if no parameter depends
            on time.
        :raises ValueError: if the sequence is impossible (with validation).
        """
        logits = log_filter(*self._chain(self._sequence(value)))
        logits = logits.expand(broadcast_shape(logits.shape[:-1], self._batch_shape) + (-1,))
        return Categorical(logits=logits, validate_args=self._validate_args)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """States by a scan of random maps, then an observation of each.

        :raises ValueError: if the model does not say for how many steps.
        """
        steps = self._steps_to_draw()
        with torch.no_grad():
            shape = torch.Size(sample_shape) + self._batch_shape
            states = sample_states(self.initial_logits, self.transition_logits, shape, steps)
            count = self.initial_logits.shape[-1]
            observations = self.observation_dist.expand(self._batch_shape + (steps, count))
            draws: Tensor = observations.sample(torch.Size(sample_shape))
            rank = self.event_dim - 1
            index = states.movedim(0, -1).reshape(shape + (steps,) + (1,) * (1 + rank))
            index = index.expand(shape + (steps, 1) + self._event_shape[1:])
            return draws.gather(draws.dim() - rank - 1, index).squeeze(draws.dim() - rank - 1)

    def _chain(self, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the sums over states need."""
        per_state = value.unsqueeze(value.dim() - self.event_dim + 1)
        observed: Tensor = self.observation_dist.log_prob(per_state)
        return self.initial_logits, self.transition_logits, observed


def _normalized(logits: Tensor) -> Tensor:
    """What log_softmax gives, which is slow for many short rows."""
    return logits - logits.logsumexp(-1, keepdim=True)


def _check_states(initial: torch.Size, transition: torch.Size, observed: torch.Size) -> None:
    """One number of states."""
    sizes = {tuple(initial[-1:]), tuple(observed[-1:])}
    if len(transition) < 2 or {*sizes, transition[-1:], transition[-2:-1]} != {(initial[-1],)}:
        raise ShapeError(
            "DiscreteHMM needs initial_logits (..., n), transition_logits (..., n, n) and an "
            "observation_dist of batch shape (..., n) for one number n of states, got the shapes "
            f"{tuple(initial)}, {tuple(transition)} and {tuple(observed)}"
        )
