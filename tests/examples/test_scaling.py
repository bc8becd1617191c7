"""The examples about several processes run, here on this machine."""

import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import pyro

ROOT = Path(__file__).parents[2]


def run(*command: str) -> str:
    """Run a program; what it prints."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=env, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def losses(printed: str) -> list[float]:
    return [float(line.split()[3]) for line in printed.splitlines() if line.startswith("epoch")]


def test_torchrun_trains_on_two_processes_and_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    """An image that is known by its mean pixels alone has a loss of about 25."""
    file = str(tmp_path / "vae.pt")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = ["examples/data_parallel_svi.py", f"--file={file}"]
    first = losses(run(*launch, *script, "--epochs=2"))
    assert len(first) == 2 and first[1] < first[0] < 50
    module = importlib.import_module("data_parallel_svi")
    pyro.clear_param_store()
    last = module.main(epochs=3, file=file)  # one process goes on with what two have found
    assert last < first[1]


def test_chains_run_on_the_workers_of_dask() -> None:
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask, about itself
        module = importlib.import_module("dask_chains")
        options: dict[str, Any] = {"dashboard_address": None, "processes": False}
        with distributed.Client(n_workers=2, threads_per_worker=1, **options) as client:
            mcmc = module.main(client, num_samples=100, num_chains=2)
    draws = mcmc.get_samples(group_by_chain=True)["mu"]
    assert draws.shape == (2, 100)
    assert abs(draws.mean().item() - 4.4) < 2.0  # the posterior's mean; its sd is 3.3


def test_lightning_trains_the_loss_as_a_module() -> None:
    options: dict[str, Any] = dict.fromkeys(QUIET, False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Lightning, about workers and loggers
        pytest.importorskip("lightning")
        module = importlib.import_module("lightning_vae")
        training = module.main(2, accelerator="cpu", **options)
    half = len(training.losses) // 2
    first, last = training.losses[:half], training.losses[half:]
    assert sum(last) < sum(first) < 50 * half


QUIET = ["enable_progress_bar", "enable_checkpointing", "enable_model_summary", "logger"]
