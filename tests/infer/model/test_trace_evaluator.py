"""Log probabilities of traces whose discrete sites are summed over."""

from __future__ import annotations

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer.errors import InferenceError
from pyro.infer.model.trace_evaluator import TraceEinsumEvaluator
from tests.infer.mcmc.long_models import normal


@pytest.mark.parametrize("enumerates", [False, True])
def test_log_probabilities_of_traces(enumerates: bool) -> None:
    def mixture() -> None:
        with pyro.plate("data", 3):
            z = pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})
            pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor([0.0, 1.0, 2.0]))

    program = pyro.poutine.enum(mixture, first_available_dim=-2) if enumerates else mixture
    trace = pyro.poutine.trace(program).get_trace()
    found = TraceEinsumEvaluator(trace, enumerates, 1).log_prob(trace)
    y = torch.tensor([0.0, 1.0, 2.0])
    joint = [
        dist.Bernoulli(0.3).log_prob(torch.tensor(z)) + dist.Normal(z, 1.0).log_prob(y)
        for z in (0.0, 1.0)
    ]
    summed = torch.stack(joint).logsumexp(0).sum()
    torch.testing.assert_close(found, summed if enumerates else trace.log_prob_sum())


def test_sums_need_to_know_where_plates_end() -> None:
    trace = pyro.poutine.trace(normal).get_trace()
    with pytest.raises(InferenceError, match="max_plate_nesting"):
        TraceEinsumEvaluator(trace, has_enumerable_sites=True)
