"""Data-parallel training: a plate scales its share of the data, processes are averaged."""

from __future__ import annotations

import multiprocessing
import os
import socket
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as parallel
from torch import Tensor, nn
from torch.distributions import constraints
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import pyro
import pyro.distributions as dist
from pyro.infer import SVI, DataParallel, Trace_ELBO, TraceEnum_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.infer.elbo import ELBOModule
from pyro.infer.errors import InferenceError, NonFiniteError

DATA = torch.tensor([0.3, -1.2, 0.8, 2.0])
MANY = torch.linspace(-2.0, 3.0, 64)
PROCESSES = 4
WORLDS = [1, 2, 4]
BATCH = 8  # of all processes together


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


def regression(x: Tensor, index: Tensor) -> None:
    w = pyro.sample("w", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
    noise = pyro.param("noise", torch.tensor(1.0), constraint=constraints.positive)
    with pyro.plate("data", len(MANY), subsample=index):
        pyro.sample("y", dist.Normal(w[0] + w[1] * x, noise), obs=1.0 - 2.0 * x)


def share(world: int, rank: int) -> Any:
    """A loader of a process: together they pass the batches of one process."""
    data = TensorDataset(MANY, torch.arange(len(MANY)))
    sampler: Any = DistributedSampler(data, world, rank, seed=3)
    return DataLoader(data, BATCH // world, sampler=sampler)


def values() -> list[Tensor]:
    """What the parameter store holds."""
    return [value.detach().clone() for _, value in sorted(pyro.get_param_store().items())]


# ---------------------------------------------------------------- what is done in each process


def gradients(name: str, rank: int, world: int, group: Any) -> list[Tensor]:
    module = LOSSES[name]()
    wrapped: Any = DistributedDataParallel(module, process_group=group)
    wrapped(torch.arange(rank, len(DATA), world)).backward()
    return [p.grad.clone() for p in module.parameters() if p.grad is not None]


def fitted(rank: int, world: int, group: Any) -> list[Tensor]:
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    loss = DataParallel(Trace_ELBO(), process_group=group)
    svi = SVI(regression, AutoNormal(regression), pyro.optim.Adam({"lr": 0.05}), loss)
    if world == 4 and rank == 3:
        pyro.param("noise", torch.tensor(7.0), constraint=constraints.positive)  # is overruled
    result = svi.run(batches=share(world, rank), epochs=3, progress=False)
    return [result.losses, *values()]


def in_a_torch_loop(rank: int, world: int, group: Any) -> list[Tensor]:
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    loader = share(world, rank)
    module = Trace_ELBO()(regression, AutoNormal(regression)).setup(*next(iter(loader)))
    wrapped: Any = DistributedDataParallel(module, process_group=group)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            wrapped(*batch).backward()
            optimizer.step()
    return [p.detach().clone() for p in module.parameters()]


def ragged(rank: int, world: int, group: Any) -> list[Tensor]:
    """Shares of different sizes, weighted."""
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    index = torch.arange(21)
    mine = index.tensor_split([13] if world == 2 else [3, 4, 15])[rank] if world > 1 else index
    loss = DataParallel(Trace_ELBO(), lambda x, index: len(index), process_group=group)
    svi = SVI(regression, AutoNormal(regression), pyro.optim.SGD({"lr": 1e-3}), loss)
    losses = [svi.step(MANY[mine], mine) for _ in range(3)]
    return [torch.tensor(losses), pyro.param("noise").detach().clone()]


def not_finite(rank: int, world: int, group: Any) -> list[Tensor]:
    """The loss of one process overflows: all stop, at the same step."""
    pyro.clear_param_store()
    loss = DataParallel(Trace_ELBO(), process_group=group)
    svi = SVI(regression, AutoNormal(regression), pyro.optim.SGD({"lr": 1e-4}), loss)
    x = MANY[:8]
    bad = torch.where(torch.arange(8) == 5, 1e30, x) if rank == world - 1 else x
    batches = [x, x, bad, x]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            svi.run(batches=[(b, torch.arange(8)) for b in batches], epochs=1, progress=False)
    except NonFiniteError:
        pass
    assert svi.last_run is not None
    return [torch.tensor(svi.last_run.num_steps)]


class Sharded(nn.Module):
    """A guide with a network that is larger than the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 4))

    def forward(self, x: Tensor, index: Tensor) -> None:
        out = self.net(MANY[None]).squeeze(0)
        pyro.sample("w", dist.Normal(out[:2], out[2:].exp()).to_event(1))


def sharded(rank: int, world: int, group: Any) -> list[Tensor]:
    """FSDP2: each process keeps a part of each tensor of the network and of Adam's state."""
    from torch.distributed.device_mesh import DeviceMesh  # noqa: PLC0415
    from torch.distributed.fsdp import fully_shard  # noqa: PLC0415

    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    guide = Sharded()
    if world > 1:
        fully_shard(guide.net, mesh=DeviceMesh.from_group(group, "cpu"))
        held = sum(p.to_local().numel() for p in guide.parameters())  # type: ignore[operator]
        assert held < 0.8 * sum(p.numel() for p in guide.parameters())
    pyro.param("noise", torch.tensor(1.0), constraint=constraints.positive)
    module = Trace_ELBO()(regression, guide)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    pyro.set_rng_seed(2)
    for batch in share(world, rank):
        optimizer.zero_grad()
        module(*batch).backward()
        optimizer.step()
    if world > 1:

        def declaring(x: Tensor, index: Tensor) -> None:
            pyro.module("net", guide.net)
            guide(x, index)

        loss = DataParallel(Trace_ELBO(), process_group=group)
        with pytest.raises(InferenceError, match="sharded"):
            loss.loss_and_grads(regression, declaring, *batch)
    parts: Any = list(guide.parameters())
    return [(p.full_tensor() if world > 1 else p).detach().clone() for p in parts]


CASES: dict[str, Callable[..., list[Tensor]]] = {
    "fitted": fitted,
    "in_a_torch_loop": in_a_torch_loop,
    "ragged": ragged,
    "not_finite": not_finite,
    "sharded": sharded,
}


def work(rank: int, port: int, folder: str) -> None:
    """One process of four, in groups of one, two and four."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    limit = timedelta(seconds=120)
    parallel.init_process_group("gloo", rank=rank, world_size=PROCESSES, timeout=limit)
    found = {}
    for world in WORLDS:
        group = parallel.new_group(list(range(world)))
        if rank >= world:
            continue
        for name in LOSSES:
            found[name, world] = gradients(name, rank, world, group)
        for name, case in CASES.items():
            found[name, world] = case(rank, world, group)
    torch.save(found, os.path.join(folder, f"{rank}.pt"))
    parallel.barrier()  # nobody leaves while another still listens
    parallel.destroy_process_group()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: Any) -> Iterator[list[dict[tuple[str, int], list[Tensor]]]]:
    """By process: what each case found in a world of one, two and four."""
    if not parallel.is_available():
        pytest.skip("torch was built without torch.distributed")
    folder: Path = tmp_path_factory.mktemp("processes")
    multiprocessing.set_forkserver_preload([__name__])  # imports are made once
    start_processes(work, (free_port(), str(folder)), PROCESSES, start_method="forkserver")
    yield [torch.load(folder / f"{rank}.pt") for rank in range(PROCESSES)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", LOSSES)
def test_processes_find_the_gradient_of_all_data(outcomes: Any, name: str, world: int) -> None:
    """The plate scales each share to the whole, so the average is exact where the sum is linear."""
    whole = LOSSES[name]()
    whole(torch.arange(len(DATA))).backward()
    for found in outcomes[:world]:
        torch.testing.assert_close(found[name, world], [p.grad for p in whole.parameters()])


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ["fitted", "in_a_torch_loop", "ragged", "not_finite", "sharded"])
def test_one_two_and_four_processes_agree(outcomes: Any, name: str, world: int) -> None:
    """Of the same batches and the same seed; sums in another order are all that differs."""
    for found in outcomes[:world]:
        expected = outcomes[0][name, 1]
        torch.testing.assert_close(found[name, world], expected, rtol=1e-4, atol=1e-4)


def test_what_they_agree_on_is_what_one_process_finds_without_any_of_this(outcomes: Any) -> None:
    pyro.set_rng_seed(1)
    optim = pyro.optim.Adam({"lr": 0.05})
    svi = SVI(regression, AutoNormal(regression), optim, Trace_ELBO())
    result = svi.run(batches=share(1, 0), epochs=3, progress=False)
    expected = [result.losses, *values()]
    torch.testing.assert_close(outcomes[3]["fitted", 4], expected, rtol=1e-4, atol=1e-4)
    assert outcomes[0]["not_finite", 4][0] == 2


def test_alone_it_is_the_objective_itself() -> None:
    index = torch.arange(4)
    pyro.set_rng_seed(0)
    guide = AutoNormal(regression).setup(MANY[index], index)
    args = (regression, guide, MANY[index], index)
    pyro.set_rng_seed(0)
    expected = Trace_ELBO().loss_and_grads(*args), Trace_ELBO().loss(*args)
    pyro.set_rng_seed(0)
    loss = DataParallel(Trace_ELBO())
    assert (loss.loss_and_grads(*args), loss.loss(*args)) == expected
    with pytest.raises(ValueError, match="takes an objective"):
        DataParallel(Trace_ELBO)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes an objective"):
        DataParallel(print)  # type: ignore[arg-type]
