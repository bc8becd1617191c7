"""Data-parallel training: a loss is a module, and a plate scales its share of the data."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as parallel
from torch import Tensor, nn
from torch.multiprocessing import spawn
from torch.nn.parallel import DistributedDataParallel

import pyro
import pyro.distributions as dist
from pyro.infer import Trace_ELBO, TraceEnum_ELBO
from pyro.infer.elbo import ELBOModule

DATA = torch.tensor([0.3, -1.2, 0.8, 2.0])
PROCESSES = 2


class Model(nn.Module):
    """A mixture of two normals around learnt locations."""

    def __init__(self) -> None:
        super().__init__()
        self.locs = nn.Parameter(torch.tensor([-1.0, 1.0]))

    def forward(self, indices: Tensor) -> None:
        with pyro.plate("data", len(DATA), subsample=indices):
            k = pyro.sample("k", dist.Bernoulli(0.4), infer={"enumerate": "parallel"})
            locs = torch.where(k == 1, self.locs[1], self.locs[0])
            pyro.sample("x", dist.Normal(locs, 1.0), obs=DATA[indices])


class NormalModel(nn.Module):
    """A learnt location of normal data."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.tensor(0.5))

    def forward(self, indices: Tensor) -> None:
        with pyro.plate("data", len(DATA), subsample=indices):
            pyro.sample("x", dist.Normal(self.loc, 1.0), obs=DATA[indices])


class NoGuide(nn.Module):
    """Nothing is left to a guide."""

    def forward(self, indices: Tensor) -> None:
        return None


def enumerated() -> ELBOModule:
    return TraceEnum_ELBO(max_plate_nesting=1)(Model(), NoGuide())


def plain() -> ELBOModule:
    return Trace_ELBO()(NormalModel(), NoGuide())


LOSSES: dict[str, Callable[[], ELBOModule]] = {"enumerated": enumerated, "plain": plain}


def work(rank: int, name: str, port: int, folder: str) -> None:
    """One process: the gradient on its half of the data, averaged with the other's."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    parallel.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    module = LOSSES[name]()
    loss_fn = DistributedDataParallel(module)
    loss: Any = loss_fn(torch.arange(rank, len(DATA), PROCESSES))
    loss.backward()
    grads = [p.grad for p in module.parameters()]
    torch.save(grads, os.path.join(folder, f"{rank}.pt"))
    parallel.barrier()  # nobody leaves while the other still listens
    parallel.destroy_process_group()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_processes_find_the_gradient_of_all_data(name: str, tmp_path: Any) -> None:
    """The plate scales each half to the whole, so the average is exact where the sum is linear."""
    whole = LOSSES[name]()
    whole(torch.arange(len(DATA))).backward()
    spawn(work, args=(name, free_port(), str(tmp_path)), nprocs=PROCESSES)
    for rank in range(PROCESSES):
        grads = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(grads, [p.grad for p in whole.parameters()])
