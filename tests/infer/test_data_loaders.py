"""Loaders of torch in runs: plates take the loader's indices, and guides use the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, TensorDataset

import pyro
import pyro.distributions as dist
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDelta, AutoNormal
from pyro.nn import PyroModule

N = 23  # batches of 5 leave 3
TRUTH = torch.linspace(-3.0, 3.0, N)
DATA = TRUTH + 0.1 * torch.sin(10 * TRUTH)


def model(x: Tensor, index: Tensor) -> None:
    """A local latent per datum; given the mean 0, the posterior is Normal(0.8 x, 0.2)."""
    with pyro.plate("data", N, subsample=index):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 0.5), obs=x)


class Rows(Dataset[tuple[Tensor, int]]):
    """The data with their indices."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return DATA[i], i


class Stream(IterableDataset[dict[str, Tensor]]):
    """Batches made as they come; no length."""

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for part in torch.randperm(N).split(5):
            yield {"x": DATA[part], "index": part}


LOADERS: dict[str, Any] = {
    "shuffled": lambda: DataLoader(Rows(), 5, shuffle=True),
    "tensors": lambda: DataLoader(TensorDataset(DATA, torch.arange(N)), 5, shuffle=True),
    "full batches only": lambda: DataLoader(Rows(), 5, shuffle=True, drop_last=True),
    "workers": lambda: DataLoader(Rows(), 8, shuffle=True, num_workers=1, persistent_workers=True),
    "stream": lambda: DataLoader(Stream(), batch_size=None),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", LOADERS)
def test_local_parameters_are_those_of_the_rows_of_the_loader(name: str, compiled: bool) -> None:
    """P9: no noise, so each row comes close to its mode 0.8 x; trained on others it would be off by
    more than 2."""
    guide = AutoDelta(model)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
    result = svi.run(batches=LOADERS[name](), epochs=60, progress=False, compile=compiled)
    assert result.epoch_losses.shape == (60,)
    assert (result.compiled_steps > 0) == compiled, result.why_not_compiled
    assert guide.z.shape == (N,)
    assert (guide.z.detach() - 0.8 * DATA).abs().max() < 0.1


def test_a_step_moves_the_rows_of_its_batch_and_no_others() -> None:
    guide = AutoDelta(model).setup(DATA, torch.arange(N))
    before = guide.z.detach().clone()
    index = torch.tensor([4, 20, 7])
    SVI(model, guide, pyro.optim.SGD({"lr": 0.1}), Trace_ELBO()).step(DATA[index], index)
    moved = (guide.z != before).nonzero().flatten()
    assert moved.tolist() == [4, 7, 20]


def test_a_ragged_batch_is_scaled_by_its_own_size() -> None:
    """Each batch estimates the sum over all data."""
    losses = []
    guide = AutoDelta(model).setup(DATA, torch.arange(N))
    with torch.no_grad():
        guide.z.fill_(0.0)
    for x, index in DataLoader(Rows(), 5):
        loss = Trace_ELBO().loss(model, guide, x, index)
        scale = N / len(index)
        point = dist.Normal(0.0, 1.0).log_prob(torch.zeros(len(index))).sum()
        expected = -scale * (dist.Normal(0.0, 0.5).log_prob(x).sum() + point)
        assert loss == pytest.approx(expected.item(), rel=1e-4)
        losses.append(loss)
    assert len(losses) == 5


def test_an_amortised_guide_takes_rows_and_embeddings_by_index() -> None:
    class Amortised(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(1, 1)
            self.offset = nn.Embedding(N, 1)

        def forward(self, x: Tensor, index: Tensor) -> None:
            with pyro.plate("data", N, subsample=index):
                loc = self.net(x[:, None]) + self.offset(index)
                pyro.sample("z", dist.Normal(loc.squeeze(-1), 0.05))

    pyro.set_rng_seed(0)
    guide = Amortised()
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
    svi.run(batches=DataLoader(Rows(), 5, shuffle=True), epochs=60, progress=False)
    with torch.no_grad():
        found = guide.net(DATA[:, None]) + guide.offset.weight
    assert (found.squeeze(-1) - 0.8 * DATA).abs().max() < 0.3


def test_a_distributed_sampler_shuffles_each_pass_anew() -> None:
    sampler: Any = DistributedSampler(TensorDataset(DATA), 2, 0, seed=1)
    loader = DataLoader(Rows(), 12, sampler=sampler)
    seen: list[list[int]] = []

    def noted(x: Tensor, index: Tensor) -> None:
        seen.append(index.tolist())
        model(x, index)

    optim = pyro.optim.SGD({"lr": 1e-3})
    svi = SVI(noted, AutoDelta(model).setup(DATA, torch.arange(N)), optim, Trace_ELBO())
    for _ in range(2):
        svi.run(batches=loader, epochs=2, progress=False)
    assert len({tuple(rows) for rows in seen}) == 4 and sampler.epoch == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pinned memory serves a GPU")
def test_pinned_batches_go_to_the_device() -> None:
    guide = AutoNormal(model).to("cuda")
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
    loader = DataLoader(Rows(), 5, shuffle=True, pin_memory=True)
    for batch in loader:
        assert batch[0].is_pinned()
        svi.step(*(part.to("cuda", non_blocking=True) for part in batch))
    assert guide.locs.z.device.type == "cuda"
