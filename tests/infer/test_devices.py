"""Steps and chains on another device than the CPU: nothing of theirs is left behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.compile import NotCapturable
from pyro.compile.capture import record
from pyro.compile.graph import Graph
from pyro.compile.torch_graph import record_graph
from pyro.distributions.validation import trusted_values
from pyro.infer import (
    HMC,
    MCMC,
    NUTS,
    SVGD,
    SVI,
    Importance,
    Predictive,
    RBFSteinKernel,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
    config_enumerate,
    pathfinder,
)
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoGaussian,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    AutoStructured,
)
from pyro.infer.mcmc import RandomWalkKernel
from pyro.infer.model.compiled import try_compile
from pyro.infer.model.density import ModelDensity
from pyro.infer.not_finite import unread
from pyro.infer.param_capture import ParamCapture
from pyro.primitives.validation import unchecked
from tests.pretended_device import DEVICE, Elsewhere, pretended_device


def regression(x: Tensor, y: Tensor) -> None:
    spread = pyro.sample("spread", dist.HalfCauchy(x.new_ones(())))
    weights = pyro.sample("weights", dist.Normal(x.new_zeros(3), spread).to_event(1))
    with pyro.plate("rows", len(x), subsample_size=6, device=x.device) as rows:
        pyro.sample("y", dist.Bernoulli(logits=x[rows] @ weights), obs=y[rows])


def correlated(x: Tensor, y: Tensor) -> None:
    tril = pyro.sample("tril", dist.LKJCholesky(3, x.new_ones(())))
    scale = pyro.sample("scale", dist.HalfNormal(x.new_ones(3)).to_event(1))
    with pyro.plate("rows", len(x)):
        law = dist.MultivariateNormal(x.new_zeros(3), scale_tril=scale[:, None] * tril)
        pyro.sample("x", law, obs=x)


def counts(x: Tensor, y: Tensor) -> None:
    """Families whose arguments are numbers; they are where the default device is."""
    shape = pyro.sample("shape", dist.Gamma(2.0, 1.0))
    share = pyro.sample("share", dist.Beta(2.0, 3.0))
    angle = pyro.sample("angle", dist.VonMises(0.0, 2.0))
    size = pyro.sample("size", dist.StudentT(4.0, angle, shape))
    pyro.sample("successes", dist.NegativeBinomial(3.0, logits=size), obs=torch.tensor(2.0))
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Poisson(shape + share), obs=y)


@config_enumerate
def mixture(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Dirichlet(x.new_ones(3)))
    with pyro.plate("sides", 3):
        locs = pyro.sample("locs", dist.Normal(x.new_zeros(()), 5.0))
    with pyro.plate("rows", len(x)):
        side = pyro.sample("side", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(locs[side], 1.0), obs=x[:, 0])


GUIDES = [
    AutoDelta,
    AutoNormal,
    AutoDiagonalNormal,
    AutoMultivariateNormal,
    AutoLowRankMultivariateNormal,
    AutoGaussian,
    AutoStructured,
]
ENUMERATION = TraceEnum_ELBO(max_plate_nesting=1)
TABLE: list[tuple[Any, Any, Any, bool]] = [
    *((regression, guide, Trace_ELBO(), False) for guide in GUIDES),
    *((correlated, guide, Trace_ELBO(), False) for guide in (AutoNormal, AutoGaussian)),
    *((counts, guide, Trace_ELBO(), True) for guide in (AutoNormal, AutoGaussian)),
    (regression, AutoNormal, TraceMeanField_ELBO(num_particles=2), True),
    (regression, AutoNormal, TraceGraph_ELBO(), False),
    (mixture, AutoNormal, ENUMERATION, False),
    (mixture, AutoDelta, ENUMERATION, True),
]


def data(device: Any) -> tuple[Tensor, Tensor]:
    x = torch.randn(8, 3, device=device)
    return x, (torch.rand(8, device=device) > 0.5).to(x.dtype)


@pytest.mark.parametrize(("model", "make", "loss", "is_default"), TABLE)
def test_a_step(model: Any, make: Any, loss: Any, is_default: bool) -> None:
    """Loss, gradients and parameters are on the device, and so is each operation on the way."""
    with pretended_device(is_default):
        args = data(DEVICE)
        guide = make(pyro.poutine.block(model, hide=["side"]))
        capture = ParamCapture()

        def evaluate() -> Tensor:
            with unchecked(), trusted_values(), unread():
                return loss.differentiable_loss(model, guide, *args)

        with capture:
            evaluate()
        leaves = list(capture.leaves.values())

        def step() -> tuple[list[Tensor], Tensor]:
            value = evaluate()
            return [value.detach(), *torch.autograd.grad(value, leaves)], value.isfinite()

        graph = record_graph(step, [*leaves, *args])
        assert all(leaf.device == DEVICE for leaf in leaves) and graph.elsewhere is None
        found = graph.module(*leaves, *args)
        assert all(x.device == DEVICE and isinstance(x, Elsewhere) for x in found)


def test_an_operation_elsewhere_is_named() -> None:
    with pretended_device():
        x = torch.ones(3, device=DEVICE)

        def step() -> tuple[list[Tensor], Tensor]:
            return [x + torch.randperm(3).to(DEVICE)], x.sum().isfinite()

        assert "randperm runs on cpu" in (record_graph(step, [x]).elsewhere or "")
        with pytest.raises(RuntimeError, match="lazy:0 and on cpu"):
            x + torch.ones(3)


def logistic(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Normal(x.new_zeros(3), 1.0).to_event(1))
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Bernoulli(logits=(x * weights.unsqueeze(-2)).sum(-1)), obs=y)


def fitted(x: Tensor, y: Tensor) -> Any:
    guide = AutoNormal(logistic)
    svi = SVI(logistic, guide, pyro.optim.Adam({"lr": 0.01}), Trace_ELBO())
    result = svi.run(6, x, y, compile="graph", window=2, restore_best=True, progress=False)
    assert result.why_not_compiled is None and result.compiled_steps == 3
    return guide


def predicted(x: Tensor, y: Tensor) -> Tensor:
    guide = fitted(x, y)
    guide.quantiles([0.1, 0.9], x, y)
    drawn: Tensor = Predictive(logistic, guide=guide, num_samples=3)(x, y)["weights"]
    return drawn


def weighed(x: Tensor, y: Tensor) -> Tensor:
    return Importance(logistic, fitted(x, y), num_samples=3).run(x, y).get_normalized_weights()


def transported(x: Tensor, y: Tensor) -> Tensor:
    svgd = SVGD(logistic, RBFSteinKernel(), pyro.optim.Adam({"lr": 0.1}), 3, max_plate_nesting=1)
    svgd.step(x, y)
    return svgd.get_named_particles()["weights"]


def climbed(x: Tensor, y: Tensor) -> Tensor:
    found = pathfinder(logistic, x, y, num_draws=10, num_paths=1, num_elbo_draws=3)
    assert found.initial_params()["weights"].device == DEVICE
    return found.samples["weights"]


@pytest.mark.parametrize("is_default", [False, True])
@pytest.mark.parametrize("run", [predicted, weighed, transported, climbed])
def test_other_algorithms(run: Any, is_default: bool) -> None:
    with pretended_device(is_default):
        assert run(*data(DEVICE)).device == DEVICE


def test_nothing_elsewhere_is_read_by_machine_code() -> None:
    """Addresses of a GPU mean nothing there."""
    with pretended_device():
        x, y = data(DEVICE)
        found = try_compile(ModelDensity(logistic, x, y))
        assert found.density is None and found.reason == "the model lives on lazy:0"
        with pytest.raises(NotCapturable, match="a tensor is on lazy:0"):
            record(torch.sum, (x,), Graph())
        with pytest.raises(NotCapturable, match="a tensor is on lazy:0"):
            record(lambda z: z + x.sum().to("cpu") * x, (torch.ones(()),), Graph())


KERNELS = {
    "hmc": lambda: HMC(logistic, step_size=0.3, num_steps=2),
    "random walk": lambda: RandomWalkKernel(logistic),
}
SLOW_KERNELS = {
    "nuts": lambda: NUTS(logistic, max_tree_depth=3),
    "dense": lambda: NUTS(logistic, full_mass=True, max_tree_depth=3),
}


def sample(kernel: Any, device: Any) -> MCMC:
    mcmc = MCMC(
        kernel(),
        num_samples=6,
        warmup_steps=6,
        num_chains=2,
        chain_method="vectorized",
        disable_progbar=True,
    )
    mcmc.run(*data(device))
    return mcmc


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_chains(kernel: Any) -> None:
    with pretended_device():
        mcmc = sample(kernel, DEVICE)
        assert mcmc.get_samples()["weights"].device == DEVICE
        assert "of 6 draws by" in str(mcmc)


@pytest.mark.slow  # tens of thousands of operations, each by Python
@pytest.mark.parametrize("kernel", SLOW_KERNELS.values(), ids=SLOW_KERNELS)
def test_trees(kernel: Any) -> None:
    test_chains(kernel)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kernel", [*KERNELS.values(), *SLOW_KERNELS.values()])
def test_chains_on_a_gpu(kernel: Any) -> None:
    mcmc = sample(kernel, "cuda")
    assert mcmc.get_samples()["weights"].is_cuda and "of 6 draws by" in str(mcmc)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_posterior_on_a_gpu() -> None:
    """64 chains of a logistic regression against the fit of a normal guide."""
    torch.manual_seed(0)
    x, _ = data("cuda")
    x = x.repeat(25, 1) + 0.5 * torch.randn(200, 3, device="cuda")
    y = (x.sum(-1) > 0).to(x.dtype)
    mcmc = MCMC(NUTS(logistic), 100, 200, num_chains=64, disable_progbar=True)
    mcmc.run(x, y)
    found = mcmc.get_samples()["weights"].mean(0)
    guide = AutoMultivariateNormal(logistic)
    svi = SVI(logistic, guide, torch.optim.Adam, Trace_ELBO())
    assert svi.run(5_000, x, y, progress=False).compiled_as == "CUDA graph"
    # the weights' standard deviations are about 0.5; the guide's bias and both errors about 0.1
    torch.testing.assert_close(guide.median(x, y)["weights"], found, atol=0.4, rtol=0.0)
