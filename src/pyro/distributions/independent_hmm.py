"""Independent hidden Markov models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.hidden_markov_model import HiddenMarkovModel
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric

_SCALAR = torch.Size()


class IndependentHMM(HiddenMarkovModel):
    r""":math:`f(x) = \prod_j f_j(x_{1j}, \dots, x_{Tj})`

    The last batch dim of hidden Markov models of sequences of single numbers becomes the dim of an
    observation: from batch shape (..., d) and event shape (T, 1) to batch shape (...) and event
    shape (T, d).  The components are independent, each with hidden states of its own.

    Särkkä and García-Fernández (2021), *Temporal Parallelization of Bayesian Smoothers* (whose
    operations run over a batch).

    :param base_dist: A hidden Markov model, of batch shape (..., d) and event shape (T, 1).
    :raises ShapeError: (a ``ValueError``) if it is of another shape.

    Example::

        >>> moves = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log()
        >>> noise = dist.Normal(torch.randn(5, 1, 2, 1), 1.0).to_event(1)
        >>> base = dist.DiscreteHMM(torch.zeros(2), moves, noise, duration=10)
        >>> d = dist.IndependentHMM(base)
        >>> base.batch_shape, base.event_shape, d.batch_shape, d.event_shape
        (torch.Size([5]), torch.Size([10, 1]), torch.Size([]), torch.Size([10, 5]))
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_dist: Any) -> None:
        if len(base_dist.event_shape) != 2 or base_dist.event_shape[1] != 1:
            raise ShapeError(
                "IndependentHMM needs a model of event shape (T, 1), got "
                f"{tuple(base_dist.event_shape)}; of a batch of sequences of vectors, use to_event"
            )
        if not base_dist.batch_shape:
            raise ShapeError("IndependentHMM needs a model with a batch dim, got batch shape ()")
        self.base_dist = base_dist
        *batch, components = base_dist.batch_shape
        event_shape = (base_dist.event_shape[0], components)
        super().__init__(base_dist.duration, torch.Size(batch), event_shape)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_rsample)

    @tc.dependent_property
    def support(self) -> Any:
        """That of the base."""
        return self.base_dist.support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return IndependentHMM(self.base_dist.expand((*batch_shape, self._event_shape[1])))

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A draw of each component."""
        draws: Tensor = self.base_dist.sample(torch.Size(sample_shape))
        return draws.squeeze(-1).mT

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A differentiable draw of each component."""
        draws: Tensor = self.base_dist.rsample(torch.Size(sample_shape))
        return draws.squeeze(-1).mT

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        log_prob: Tensor = self.base_dist.log_prob(self._components(value))
        return log_prob.sum(-1)

    def filter(self, value: Numeric) -> Any:
        """The posteriors of the last states: of one more batch dim, for the components."""
        return self.base_dist.filter(self._components(value))

    def rsample_posterior(self, value: Numeric, sample_shape: Sequence[int] = _SCALAR) -> Any:
        """Draws of the states given observations, with a dim for the components before time."""
        return self.base_dist.rsample_posterior(self._components(value), sample_shape)

    def prefix_condition(self, data: Numeric) -> IndependentHMM:
        """The model of what follows after ``data``, the first steps of a sequence."""
        data = data if isinstance(data, Tensor) else self._as_value(data)
        return IndependentHMM(self.base_dist.prefix_condition(data.mT.unsqueeze(-1)))

    def _components(self, value: Numeric) -> Tensor:
        return self._sequence(value).mT.unsqueeze(-1)
