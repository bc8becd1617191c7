"""Auxiliary draws of a model count as the guide's."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer.enum import get_importance_trace
from pyro.infer.lent_sites import lend_auxiliary_sites


def model() -> None:
    pyro.sample("mine", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
    pyro.sample("both", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
    pyro.sample("plain", dist.Normal(0.0, 1.0))
    pyro.factor("term", 1.0)


def guide() -> None:
    pyro.sample("both", dist.Normal(0.0, 2.0))


def test_only_auxiliary_sites_that_the_guide_lacks_are_lent() -> None:
    modelled, guided = poutine.trace(model).get_trace(), poutine.trace(guide).get_trace()
    lend_auxiliary_sites(modelled, guided)
    assert guided.stochastic_nodes == ["both", "mine"]
    assert guided.nodes["mine"]["value"] is modelled.nodes["mine"]["value"]


def test_their_densities_cancel() -> None:
    def only() -> None:
        pyro.sample("mine", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
        pyro.factor("term", 1.0)

    def empty() -> None:
        pass

    traces: Any = get_importance_trace("flat", 0, only, empty, (), {})
    assert abs(traces[0].log_prob_sum() - traces[1].log_prob_sum() - 1.0) < 1e-6
