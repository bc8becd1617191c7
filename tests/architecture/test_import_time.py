"""Importing Pyro brings torch and our own modules, and no heavy or optional package."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "IPython",
    "arviz",
    "graphviz",
    "matplotlib",
    "numba",
    "pandas",
    "scipy",
    "sklearn",
    "sympy",
    "torch._dynamo",
    "torch._inductor",
    "torch.onnx",
    "torchvision",
    "tqdm",
    "xarray",
}
PUBLIC = ["pyro", "pyro.distributions", "pyro.infer", "pyro.optim", "pyro.poutine"]


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def is_heavy(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in HEAVY)


@pytest.fixture(scope="module")
def brought_by_torch() -> set[str]:
    return modules_after("import torch, torch.distributions")


@pytest.mark.parametrize("module", PUBLIC)
def test_import_brings_no_heavy_package(module: str, brought_by_torch: set[str]) -> None:
    added = modules_after(f"import {module}") - brought_by_torch
    assert any(name.startswith("pyro.") for name in added)
    assert sorted(filter(is_heavy, added)) == []


def test_a_multivariate_normal_brings_no_symbols() -> None:
    use = "import torch, pyro.distributions as dist; dist.MultivariateNormal(torch.ones(2), {})"
    given = ("torch.eye(2)", "precision_matrix=torch.eye(2)", "scale_tril=torch.eye(2)")
    assert "sympy" not in modules_after("; ".join(use.format(m) for m in given))


FIT = """
import torch, pyro, pyro.distributions as dist
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
def model():
    with pyro.plate("rows", 3):
        z = pyro.sample("z", dist.Gamma(2.0, 1.0))
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.ones(3))
rates = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 0.1}, "gamma": 0.9}
for optim in (
    pyro.optim.Adam({"lr": 0.1}), pyro.optim.SGD({"lr": 0.1}), pyro.optim.ClippedAdam({"lr": 0.1}),
    pyro.optim.ExponentialLR(rates),
):
    pyro.clear_param_store()
    svi = SVI(model, AutoNormal(model), optim, Trace_ELBO())
    svi.step()
    assert svi.run(9, progress=False, compile=True).compiled_steps
"""


def test_a_fit_brings_neither_symbols_nor_the_compiler_of_torch() -> None:
    """Which take seconds, in the first step."""
    assert not {"sympy", "torch._dynamo"} & modules_after(FIT)


def test_families_and_flows_are_imported_on_first_use() -> None:
    rare = {"pyro.distributions.skellam", "pyro.distributions.transforms.flows", "pyro.nets"}
    assert not rare & modules_after("import pyro")
    use = "import pyro.distributions as dist; dist.Skellam, dist.transforms.planar"
    assert rare <= modules_after(use)


@pytest.mark.parametrize("module", ["tqdm", "json"])
def test_the_check_can_fail(module: str) -> None:
    added = modules_after(f"import {module}")
    assert any(map(is_heavy, added)) is (module == "tqdm")
