"""The log-probability of traces of one model, discrete sites summed out."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.infer.elbo.model_enumeration import split, sum_out
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import max_plate_depth
from pyro.poutine.trace_struct import Trace


class TraceEinsumEvaluator:
    """The log-probability of a trace, exactly, by sums over its enumerated sites.

    :param model_trace: A trace of the model, under an enumerating handler if it has discrete sites.
    :param has_enumerable_sites: Whether there are sites to sum over.
    :param max_plate_nesting: How many batch dims plates occupy; needed where sites are summed over.
    :raises InferenceError: if it is needed and not given.

    Example::

        >>> from pyro.infer.mcmc.util import TraceEinsumEvaluator
        >>> def model():
        ...     z = pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})
        ...     pyro.sample("x", dist.Normal(z, 1.0), obs=torch.tensor(0.0))
        >>> trace = poutine.trace(poutine.enum(model, first_available_dim=-1)).get_trace()
        >>> TraceEinsumEvaluator(trace, True, 0).log_prob(trace)  # 0.7 N(0; 0, 1) + 0.3 N(0; 1, 1)
        tensor(-1.0445)
    """

    def __init__(
        self,
        model_trace: Trace,
        has_enumerable_sites: bool = False,
        max_plate_nesting: int | None = None,
    ) -> None:
        if has_enumerable_sites and max_plate_nesting is None:
            raise InferenceError(
                "Finite value required for max_plate_nesting where sites are summed"
            )
        self._enumerates = has_enumerable_sites
        self._depth = (
            max_plate_depth(model_trace) if max_plate_nesting is None else max_plate_nesting
        )

    def log_prob(self, model_trace: Trace) -> Tensor:
        """The log-probability of a trace, a scalar."""
        if not self._enumerates:
            total: Tensor = model_trace.log_prob_sum()
            return total
        terms, enumerated = split(model_trace, self._depth)
        sums = [term.tensor.sum() for term in [*terms, *sum_out(enumerated)]]
        return torch.stack(sums).sum()
