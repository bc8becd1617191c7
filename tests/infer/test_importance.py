"""Importance sampling against exact posteriors and evidences."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import EmpiricalMarginal, Importance, TracePosterior, TracePredictive
from pyro.infer.abstract_infer import Marginals
from pyro.infer.errors import InferenceError
from pyro.infer.importance import psis_diagnostic, vectorized_importance_weights
from pyro.ops.stats import fit_generalized_pareto

X = torch.tensor([0.3, -1.2, 0.8, 2.0])
POSTERIOR = dist.Normal(X.sum() / 5, 5**-0.5)
LOG_EVIDENCE = dist.MultivariateNormal(torch.zeros(4), torch.eye(4) + 1).log_prob(X)


def model() -> Tensor:
    z: Tensor = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 4):
        pyro.sample("x", dist.Normal(z, 1.0), obs=X)
    return z + 1


def guide() -> None:
    pyro.sample("z", dist.Normal(0.3, 0.6))


def exact_guide() -> None:
    pyro.sample("z", POSTERIOR)


def narrow_guide() -> None:
    pyro.sample("z", dist.Normal(0.3, 0.1))


@pytest.mark.parametrize("proposal", [None, guide])
def test_posterior_and_evidence(proposal: Any) -> None:
    """1500 draws: mean within 5 posterior standard deviations / sqrt(ESS)."""
    posterior = Importance(model, proposal, num_samples=1500).run()
    ess = posterior.get_ESS()
    assert 300 < ess < 1500
    marginal = EmpiricalMarginal(posterior, "z")
    tolerance = 5 * POSTERIOR.stddev / ess.sqrt()
    assert (marginal.mean - POSTERIOR.mean).abs() < tolerance
    assert (marginal.variance.sqrt() - POSTERIOR.stddev).abs() < tolerance
    assert (EmpiricalMarginal(posterior).mean - POSTERIOR.mean - 1).abs() < tolerance
    assert (posterior.get_log_normalizer() - LOG_EVIDENCE).abs() < 0.15
    weights = posterior.get_normalized_weights()
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
    torch.testing.assert_close(posterior.get_normalized_weights(log_scale=True).exp(), weights)


def test_exact_guide_has_equal_weights() -> None:
    posterior = Importance(model, exact_guide, num_samples=20).run()
    torch.testing.assert_close(posterior.get_ESS(), torch.tensor(20.0), rtol=1e-3, atol=0)
    log_weights, model_trace, guide_trace = vectorized_importance_weights(
        model, exact_guide, num_samples=50
    )
    torch.testing.assert_close(log_weights, LOG_EVIDENCE.expand(50), rtol=1e-4, atol=1e-4)
    assert model_trace.nodes["x"]["log_prob"].shape == (50, 4)
    assert guide_trace.nodes["z"]["value"].shape == (50, 1)
    normalized = vectorized_importance_weights(model, guide, num_samples=50, normalized=True)[0]
    torch.testing.assert_close(normalized.exp().sum(), torch.tensor(1.0))


def test_a_draw_of_the_posterior_leaves_observations_out() -> None:
    drawn = Importance(model, guide, num_samples=5)()
    assert "z" in drawn and "x" not in drawn


def test_defaults_and_errors() -> None:
    with pytest.warns(UserWarning, match="num_samples not provided, defaulting to 10"):
        posterior = Importance(model)
    for action in (posterior.get_ESS, lambda: EmpiricalMarginal(posterior)):
        with pytest.raises(InferenceError, match=r"no traces yet: call \.run"):
            action()
    with pytest.raises(ValueError, match=r"no site 'zz'; it has \['z', 'data', 'x', '_RETURN'\]"):
        EmpiricalMarginal(posterior.run(), "zz")
    with pytest.raises(InferenceError, match="num_samples must be given"):
        vectorized_importance_weights(model, guide)
    with pytest.raises(InferenceError, match="at least 25"):
        psis_diagnostic(model, guide, num_particles=10)


class TwoChains(TracePosterior):
    """Yields traces of two chains."""

    def _traces(self, *args: Any, **kwargs: Any) -> Any:
        for i in range(6):
            yield pyro.poutine.trace(model).get_trace(), 0.0, i % 2


def test_chains_and_several_sites() -> None:
    posterior = TwoChains(num_chains=2).run()
    assert EmpiricalMarginal(posterior, "z").batch_shape == (2,)
    assert EmpiricalMarginal(posterior, ["z", "_RETURN"]).event_shape == (2,)
    marginals = posterior.marginal(["z", "x"])
    assert isinstance(marginals, Marginals)
    assert {k: tuple(v.shape) for k, v in marginals.support().items()} == {
        "z": (2, 3),
        "x": (2, 3, 4),
    }
    assert marginals.support(flatten=True)["x"].shape == (6, 4)


def test_trace_predictive_is_deprecated() -> None:
    posterior = Importance(model, guide, num_samples=20).run()
    with pytest.warns(FutureWarning, match="use Predictive"):
        predictive = TracePredictive(model, posterior, num_samples=7)
    known = {trace.nodes["z"]["value"].item() for trace in posterior.exec_traces}
    traces = predictive.run().exec_traces
    assert len(traces) == 7 and all(t.nodes["z"]["value"].item() in known for t in traces)


def test_the_diagnostic_tells_good_guides_from_bad() -> None:
    good = psis_diagnostic(model, guide, num_particles=2000)
    split = psis_diagnostic(model, guide, num_particles=2000, max_simultaneous_particles=300)
    bad = psis_diagnostic(model, narrow_guide, num_particles=2000)
    assert good < 0.5 and split < 0.5 and bad > 0.7


@pytest.mark.parametrize("k", [-0.3, 0.2, 0.7, 1.2])
def test_pareto_fit(k: float) -> None:
    """20000 exceedances by inversion: the standard error of k is about (1 + k) / sqrt(n)."""
    n, sigma = 20000, 2.0
    u = torch.rand(n, dtype=torch.float64)
    fitted_k, fitted_sigma = fit_generalized_pareto(sigma * (u**-k - 1) / k)
    assert abs(fitted_k - k) < 6 * (1 + k) / math.sqrt(n)
    assert abs(fitted_sigma - sigma) < 6 * sigma * math.sqrt(2 * (1 + k) / n)


def test_an_exact_guide_has_no_tail() -> None:
    """Weights that differ by rounding alone are equal weights, not a heavy tail."""
    data = torch.tensor([1.2, 0.8, 1.5, 0.9, 1.1])

    def conjugate(data: Tensor) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        with pyro.plate("data", 5):
            pyro.sample("x", dist.Normal(z, 1.0), obs=data)

    def posterior(data: Tensor) -> None:
        pyro.sample("z", dist.Normal(data.sum() / 6, 6**-0.5))

    assert psis_diagnostic(conjugate, posterior, data) < 0.5
