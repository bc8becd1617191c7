"""Transforms along batch dims, which become event dims."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import Predictive, Trace_ELBO
from pyro.infer.reparam import DiscreteCosineReparam, HaarReparam, ReparamError

WAYS = [
    HaarReparam(experimental_allow_batch=True),
    DiscreteCosineReparam(smooth=1.0, experimental_allow_batch=True),
]


def along_time() -> torch.Tensor:
    with pyro.plate("units", 3, dim=-2), pyro.plate("time", 8, dim=-1):
        return pyro.sample("x", dist.Normal(torch.arange(8.0), 2.0))


def along_units() -> torch.Tensor:
    with pyro.plate("units", 4), pyro.plate("groups", 2, dim=-3):
        return pyro.sample("x", dist.Normal(torch.zeros(6), 2.0).to_event(1))


@pytest.mark.parametrize("rewrite", WAYS)
def test_plates_at_the_left_keep_their_dims(rewrite: Any) -> None:
    model = poutine.reparam(along_time, config={"x": rewrite})
    trace = poutine.trace(model).get_trace()
    trace.compute_log_prob()
    (name,) = [n for n in trace.stochastic_nodes if n.startswith("x_")]
    site = trace.nodes[name]
    assert site["log_prob"].shape == (3, 1) and site["value"].shape == (3, 1, 8)
    assert [frame.name for frame in site["cond_indep_stack"]] == ["units"]
    x = trace.nodes["x"]["value"]
    assert x.shape == (3, 8)
    expected = dist.Normal(torch.arange(8.0), 2.0).log_prob(x).sum()
    torch.testing.assert_close(trace.log_prob_sum(), expected, rtol=1e-4, atol=1e-3)
    values = {name: torch.randn(5, 3, 1, 8)}
    together = Predictive(model, values, parallel=True)()["x"]
    torch.testing.assert_close(together, Predictive(model, values)()["x"])
    assert together.shape == (5, 3, 8)


def test_batch_dims_at_the_right_come_along() -> None:
    rewrite = HaarReparam(dim=-2, experimental_allow_batch=True)
    model = poutine.reparam(along_units, config={"x": rewrite})
    trace = poutine.trace(model).get_trace()
    site = trace.nodes["x_haar"]
    assert site["fn"].event_shape == (4, 6) and site["value"].shape == (2, 1, 1, 4, 6)
    expected = dist.Normal(0.0, 2.0).log_prob(trace.nodes["x"]["value"]).sum()
    torch.testing.assert_close(trace.log_prob_sum(), expected, rtol=1e-4, atol=1e-3)


def test_observed_and_started_values_are_kept() -> None:
    def model(obs: torch.Tensor | None = None) -> torch.Tensor:
        with pyro.plate("units", 3, dim=-2), pyro.plate("time", 8, dim=-1):
            return pyro.sample("x", dist.Normal(0.0, 2.0), obs=obs)

    data = torch.randn(3, 8)
    trace = poutine.trace(poutine.reparam(model, config={"x": WAYS[0]})).get_trace(data)
    assert trace.nodes["x"]["value"] is data
    expected = dist.Normal(0.0, 2.0).log_prob(data).sum()
    torch.testing.assert_close(trace.log_prob_sum(), expected, rtol=1e-4, atol=1e-3)


def test_vectorised_particles() -> None:
    model = poutine.reparam(along_time, config={"x": WAYS[0]})

    def guide() -> None:
        with pyro.plate("units", 3, dim=-2):
            law = dist.Normal(torch.zeros(8), 0.01).to_event(1)
            pyro.sample("x_haar", law.expand((3, 1)))

    loss = Trace_ELBO(num_particles=4, vectorize_particles=True, max_plate_nesting=2)
    assert loss.loss(model, guide) > 0


def test_what_cannot_be_coupled_is_refused() -> None:
    with pytest.raises(ReparamError, match="at site 'x', HaarReparam acts on 1 event dims"):
        poutine.reparam(along_time, config={"x": HaarReparam()})()

    def subsampled() -> None:
        with pyro.plate("time", 8, subsample_size=4):
            pyro.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises(ReparamError, match="subsampled plate 'time'"):
        poutine.reparam(subsampled, config={"x": WAYS[0]})()
    masked = poutine.mask(along_time, mask=torch.arange(8) < 4)
    with pytest.raises(ReparamError, match="with a mask"):
        poutine.reparam(masked, config={"x": WAYS[0]})()
