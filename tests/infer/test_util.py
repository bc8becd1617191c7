"""The documented helpers."""

from __future__ import annotations

import importlib
import math
import time
import warnings

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import infer, util
from pyro.infer import config_enumerate
from pyro.infer.baselines import DecayingAverages, subtract_baseline
from pyro.infer.errors import InferenceError
from pyro.infer.frame_sums import MultiFrameTensor
from pyro.infer.util import torch_backward, torch_exp, torch_sum, zero_grads
from pyro.poutine.indep_messenger import CondIndepStackFrame as Frame

PATHS = [
    ("pyro.infer.elbo", "ELBO"),
    ("pyro.infer.trace_elbo", "Trace_ELBO"),
    ("pyro.infer.trace_mean_field_elbo", "TraceMeanField_ELBO"),
    ("pyro.infer.svi", "SVI"),
    ("pyro.infer.predictive", "Predictive"),
    ("pyro.infer.importance", "Importance"),
    ("pyro.infer.importance", "psis_diagnostic"),
    ("pyro.infer.abstract_infer", "EmpiricalMarginal"),
    ("pyro.infer.abstract_infer", "TracePosterior"),
    ("pyro.infer.enum", "get_importance_trace"),
    ("pyro.infer.enum", "config_enumerate"),
    ("pyro.infer.util", "torch_item"),
    ("pyro.infer.util", "MultiFrameTensor"),
    ("pyro.util", "check_model_guide_match"),
    ("pyro.util", "set_rng_seed"),
]


@pytest.mark.parametrize(("module", "name"), PATHS)
def test_documented_paths(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_nan_and_inf() -> None:
    nan, inf = torch.tensor([1.0, math.nan]), torch.tensor([1.0, -math.inf])
    assert util.torch_isnan(nan) and not util.torch_isnan(1.0)
    assert util.torch_isinf(inf) and not util.torch_isinf(1.0)
    with pytest.warns(UserWarning, match="Encountered NaN: here"):
        assert util.warn_if_nan(nan, "here") is nan
    with pytest.warns(UserWarning, match="Encountered -inf: here"):
        util.warn_if_inf(inf, "here")
    util.warn_if_inf(inf, allow_neginf=True)
    x = torch.tensor(0.0, requires_grad=True)
    with pytest.warns(UserWarning, match=r"Encountered NaN: y \(gradient\)"):
        (util.warn_if_nan(x * 1.0, "y") * 0).sqrt().backward()


def test_small_helpers() -> None:
    with util.optional(pyro.plate("p", 3), True), pyro.poutine.trace() as traced:
        pyro.sample("x", dist.Normal(0.0, 1.0))
    assert traced.trace.nodes["x"]["value"].shape == (3,)
    with util.optional(pyro.plate("p", 3), False):
        assert pyro.sample("x", dist.Normal(0.0, 1.0)).shape == ()
    with util.timed() as timer:
        time.sleep(0.01)
    assert timer.elapsed >= 0.01
    assert util.torch_float(2) == 2.0 and util.torch_float(torch.tensor(2)).is_floating_point()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with util.ignore_experimental_warning():
            warnings.warn("new", util.ExperimentalWarning, stacklevel=1)
        with util.ignore_jit_warnings(), util.ignore_jit_warnings([("old", UserWarning), "older"]):
            warnings.warn("old", UserWarning, stacklevel=1)
    x = torch.tensor(1.0, requires_grad=True)
    torch_backward(x * 2)
    torch_backward(3.0)
    assert x.grad == 2
    zero_grads([x])
    assert x.grad is None
    assert torch_exp(0.0) == 1.0 and torch_sum(torch.ones(2, 3), (0,)).shape == (3,)
    assert len(util.jit_iter(torch.ones(3))) == 3


def test_validation_switch() -> None:
    assert infer.is_validation_enabled()
    with pyro.settings.context(validate_infer=False):
        assert not infer.is_validation_enabled()
    infer.enable_validation(False)
    assert not infer.is_validation_enabled()
    infer.enable_validation()


def test_frame_sums() -> None:
    """Terms in plates P (dim -1, size 2), Q (dim -2, size 3), both and none."""
    p, q = Frame("p", -1, 2, None), Frame("q", -2, 3, None)
    both = torch.arange(6.0).reshape(3, 2)
    sums = MultiFrameTensor(
        ((p,), torch.tensor([1.0, 2.0])),
        ((q,), torch.tensor([[1.0], [2.0], [3.0]])),
        ((q, p), both),
        ((), torch.tensor(10.0)),
        ((), torch.ones(4)),  # a batch dim of no plate
    )
    total = 3 + 6 + 15 + 14
    expected = {
        (): torch.tensor(float(total)),
        (p,): torch.tensor([1.0, 2.0]) + 6 + both.sum(0) + 14,
        (q,): torch.tensor([[1.0], [2.0], [3.0]]) + 3 + both.sum(1, keepdim=True) + 14,
        (p, q): torch.tensor([1.0, 2.0]) + torch.tensor([[1.0], [2.0], [3.0]]) + both + 14,
    }
    for frames, value in expected.items():
        torch.testing.assert_close(sums.sum_to(frames), value)
    assert MultiFrameTensor().sum_to((p,)) is None


def test_bad_baselines() -> None:
    cost = torch.zeros(3)
    for options, text in [
        ({"nn_baseline_imput": 1}, r"'z': unknown baseline options \['nn_baseline_imput'\]"),
        ({"baseline_value": torch.zeros(3, 1)}, r"shape \(3, 1\), but the cost .* \(3,\)"),
    ]:
        with pytest.raises(InferenceError, match=text):
            subtract_baseline("z", options, cost, DecayingAverages())


def test_config_enumerate_marks_sites() -> None:
    def model() -> None:
        pyro.sample("a", dist.Bernoulli(0.5))
        pyro.sample("b", dist.Bernoulli(0.5), infer={"enumerate": "sequential"})
        pyro.sample("c", dist.Normal(0.0, 1.0))
        pyro.sample("d", dist.Bernoulli(0.5), obs=torch.tensor(1.0))

    def marked(fn: object) -> dict[str, str | None]:
        nodes = pyro.poutine.trace(fn).get_trace().nodes  # type: ignore[arg-type]
        return {n: s["infer"].get("enumerate") for n, s in nodes.items() if s["type"] == "sample"}

    expected = {"a": "parallel", "b": "sequential", "c": None, "d": None}
    assert marked(config_enumerate(model)) == marked(config_enumerate()(model)) == expected
    assert marked(config_enumerate(model, num_samples=3))["c"] == "parallel"
    assert marked(config_enumerate(model, default=None))["a"] is None
    nodes = pyro.poutine.trace(config_enumerate(model)).get_trace().nodes
    assert nodes["a"]["infer"] == {"enumerate": "parallel", "expand": False}
    assert nodes["b"]["infer"] == {"enumerate": "sequential", "expand": False}
    for options in (
        {"default": "all"},
        {"expand": 1},
        {"num_samples": 0},
        {"tmc": "x"},
        {"num_samples": 2, "default": "sequential"},
    ):
        with pytest.raises(InferenceError, match="config_enumerate"):
            config_enumerate(model, **options)  # type: ignore[arg-type]
