"""The base of objectives that combine particles otherwise than by a mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyro.infer.elbo.elbo import ELBO, Estimate
from pyro.infer.elbo.finite import first_not_finite
from pyro.infer.elbo.weights import Weights, weigh
from pyro.infer.prototype import Program


class WeightedELBO(ELBO):
    """An objective of the importance weights of all particles together.

    A subclass says how the weights are turned into an estimate; the parameters are those of
    :class:`~pyro.infer.elbo.elbo.ELBO`.
    """

    def _combine(self, weights: Weights) -> Estimate:
        """The estimate from the weights of all particles."""
        raise NotImplementedError(f"{type(self).__name__} defines no loss")

    def _estimates(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[tuple[Estimate, float]]:
        count = self.num_particles
        pairs = list(self._get_traces(model, guide, args, kwargs))
        weights = weigh(pairs, self._particle_dim, count, self.max_plate_nesting)
        elbo, surrogate = self._combine(weights)
        estimate = Estimate(count * elbo, count * surrogate)  # counted as sums over particles
        yield estimate, self._value(estimate, first_not_finite(pairs))
