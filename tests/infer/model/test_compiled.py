"""A model's density as machine code is that of the model; what cannot be compiled says why."""

from __future__ import annotations

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.compile import NotCapturable
from pyro.infer import MCMC, NUTS, compile_density
from pyro.infer.model.compiled import try_compile
from pyro.infer.model.density import ModelDensity

DATA = torch.tensor([1.0, -0.5, 2.0])


def model(data: torch.Tensor = DATA) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 5.0))
    scale = pyro.sample("scale", dist.HalfCauchy(1.0))
    with pyro.plate("data", len(data)):
        pyro.sample("y", dist.StudentT(4.0, loc, scale), obs=data)


def branching() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(1.0 if x > 0 else -1.0, 1.0), obs=torch.tensor(0.5))


def test_it_is_the_density_of_the_model() -> None:
    compiled, eager = compile_density(model, DATA), ModelDensity(model, DATA)
    x = torch.randn(5, 2)
    for found, expected in zip(compiled.value_and_grad(x), eager.value_and_grad(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert compiled.dim == 2
    assert compiled.address
    assert "recorded" in str(compiled.report())


def test_a_branch_names_the_line() -> None:
    with pytest.raises(NotCapturable, match=r"test_compiled\.py"):
        compile_density(branching)
    compiled, reason = try_compile(ModelDensity(branching))
    assert compiled is None
    assert "test_compiled.py" in reason


def test_the_switch() -> None:
    with pyro.settings.context(compile_enabled=False):
        compiled, reason = try_compile(ModelDensity(model))
        assert compiled is None
        assert "compile_enabled" in reason
        mcmc = MCMC(NUTS(model), 5, 5, disable_progbar=True)
        mcmc.run()
    assert mcmc.engine.density == "eager"
    assert "compile_enabled" in str(mcmc.engine)
