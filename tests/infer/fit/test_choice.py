"""Who makes the steps where torch is faster, or has compiled a part already."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import optim, settings
from pyro.compile import gemm, products
from pyro.infer import SVI, JitTrace_ELBO, Trace_ELBO
from pyro.infer.fit.compiled import worth


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    with settings.context(validate_distributions_torch=True):  # torch.compile switches it off
        yield


class Autoencoder(nn.Module):
    """A variational autoencoder; ``width`` decides about the work in matrix products."""

    def __init__(self, pixels: int, width: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(pixels, width), nn.Tanh(), nn.Linear(width, 4))
        self.decode = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, pixels))

    def model(self, x: Tensor) -> None:
        pyro.module("decode", self.decode)
        with pyro.plate("rows", len(x)):
            z = pyro.sample("z", dist.Normal(x.new_zeros(len(x), 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(self.decode(z), 1.0).to_event(1), obs=x)

    def guide(self, x: Tensor) -> None:
        pyro.module("encode", self.encode)
        loc, log_scale = self.encode(x).chunk(2, -1)
        with pyro.plate("rows", len(x)):
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def svi_of(net: Autoencoder, loss: type[Trace_ELBO] = Trace_ELBO) -> SVI:
    return SVI(net.model, net.guide, optim.Adam({"lr": 0.01}), loss())


class Images(nn.Module):
    """A model and a guide that convolve."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Conv2d(1, 24, 5), nn.Tanh(), nn.Conv2d(24, 24, 5))
        self.scale = nn.Parameter(torch.zeros(()))

    def model(self, x: Tensor) -> None:
        pyro.module("images", self)
        pyro.sample("z", dist.Normal(self.read(x).mean(), 1.0))

    def guide(self, x: Tensor) -> None:
        pyro.sample("z", dist.Normal(0.0, self.scale.exp()))


def test_convolutions_stay_in_torch() -> None:
    x, net = torch.randn(32, 1, 28, 28), Images()
    svi = SVI(net.model, net.guide, optim.Adam({"lr": 0.01}), JitTrace_ELBO())
    result = svi.run(3, x, progress=False)
    assert result.compiled_steps == 0
    assert "convolutions, in which torch is faster" in (result.why_not_compiled or "")
    for _ in range(3):
        svi.step(x)
    assert "convolutions" in (svi.engine.reason or "")


def test_products_that_no_routine_makes_are_left_to_torch(monkeypatch) -> None:
    monkeypatch.setattr(gemm, "LEAST_SIDE", 1000)
    monkeypatch.setattr(products, "LEAST_SIDE", 1000)
    monkeypatch.setattr(worth, "better_in_torch", lambda *_: None)
    svi = svi_of(Autoencoder(400, 256), JitTrace_ELBO)
    result = svi.run(5, torch.randn(128, 400), progress=False)
    assert "are loops, in which torch is faster" in (result.why_not_compiled or "")


def test_small_networks_are_compiled_without_blas() -> None:
    svi = svi_of(Autoencoder(8, 5))
    assert svi.run(100, torch.randn(10, 8), progress=False).compiled_steps > 90


def test_large_networks_of_many_operations_only_if_wanted(monkeypatch) -> None:
    monkeypatch.setattr(worth, "MOST_OPERATIONS", 10)
    x = torch.randn(128, 400)
    svi = svi_of(Autoencoder(400, 256), JitTrace_ELBO)
    assert "compile=True" in (svi.run(5, x, progress=False).why_not_compiled or "")
    assert svi.run(8, x, progress=False, compile=True).compiled_steps == 5


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # of torch itself
def test_what_torch_has_compiled_is_used() -> None:
    x = torch.randn(10, 8)
    net = Autoencoder(8, 5)
    calls: list[int] = []

    def backend(module: torch.fx.GraphModule, inputs: list[Tensor]) -> torch.fx.GraphModule:
        calls.append(len(inputs))
        return module

    whole, net.decode = net.decode, torch.compile(net.decode, backend=backend)
    svi = svi_of(net)
    result = svi.run(110, x, progress=False)
    assert result.why_not_compiled == "Autoencoder._modules['decode'] is compiled by torch.compile"
    assert calls and result.losses[-10:].mean() < result.losses[:10].mean()
    single = svi_of(net, JitTrace_ELBO)
    single.step(x), single.step(x)
    assert "torch.compile" in (single.engine.reason or "")
    net.decode = whole
    assert svi_of(net).run(100, x, progress=False).compiled_steps > 90


@pytest.mark.parametrize("insists", [None, True])
def test_autocast_is_left_to_torch_as_in_single_steps(insists: bool | None) -> None:
    x = torch.randn(10, 8)
    svi = svi_of(Autoencoder(8, 5))
    before = svi.run(100, x, progress=False, compile=insists)
    assert before.compiled_steps > 90  # code of an earlier run is not taken either
    with torch.autocast("cpu", torch.bfloat16):
        result = svi.run(110, x, progress=False, compile=insists)
    assert result.compiled_steps == 0
    assert result.why_not_compiled == "torch.autocast is on, and machine code is float64"
    assert svi.run(100, x, progress=False, compile=insists).compiled_steps > 90


def test_the_switch_exists_from_the_start() -> None:
    """Nobody should have to compile something before it can be forbidden."""
    code = "import pyro; pyro.settings.set(compile_enabled=False, svi_compile_after=7)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ValueError, match="number of steps"):
        settings.set(svi_compile_after="soon")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("insists", [None, True])
def test_parameters_on_a_gpu_are_left_to_cuda_graphs(insists: bool | None) -> None:
    x = torch.randn(10, 8, device="cuda")
    result = svi_of(Autoencoder(8, 5).cuda()).run(100, x, progress=False, compile=insists)
    assert result.compiled_as == "CUDA graph" and result.compiled_steps > 90
