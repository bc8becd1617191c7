"""Throughput of data-parallel SVI on one and two processes with gloo, a core for each.

A variational autoencoder of 1 024 hidden units on images of 784 pixels, batches of 4 096 in all,
whose steps are nearly all matrix products: 15 megabytes of gradients for 100 gigaflops. Runs take
turns, one, two, one, two, ...; the ratio is taken in each round, and the median round is reported,
with the share of the time that goes into the loss and its gradient; the rest is the update, sending
and waiting. Run with ``python benchmarks/scaling.py`` on a machine that is otherwise quiet; it
takes about two minutes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro.infer import SVI, DataParallel, Trace_ELBO
from pyro.nn import PyroModule, pyro_method

SIZE, PIXELS, CODE = 8192, 784, 32


class VAE(PyroModule):
    """Model and guide."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        widths = [CODE, hidden, hidden, PIXELS]
        self.decoder = network(widths)
        self.encoder = network([*widths[:0:-1], 2 * CODE])

    @pyro_method
    def model(self, image: Tensor) -> None:
        """Codes and pixels."""
        with pyro.plate("images", SIZE, subsample_size=len(image)):
            code = pyro.sample("code", dist.Normal(torch.zeros(CODE), 1.0).to_event(1))
            pixels = dist.Bernoulli(logits=self.decoder(code), validate_args=False)
            pyro.sample("image", pixels.to_event(1), obs=image)

    @pyro_method
    def guide(self, image: Tensor) -> None:
        """The codes, given the images."""
        with pyro.plate("images", SIZE, subsample_size=len(image)):
            loc, scale = self.encoder(image).chunk(2, -1)
            pyro.sample("code", dist.Normal(loc, nn.functional.softplus(scale)).to_event(1))


class Timed:
    """An objective that knows how long it has computed."""

    def __init__(self) -> None:
        self._elbo = Trace_ELBO()
        self.seconds = 0.0

    def loss(self, *args: Any) -> float:
        """The loss."""
        return self._elbo.loss(*args)

    def loss_and_grads(self, *args: Any) -> float:
        """The loss; its gradients are accumulated."""
        start = time.perf_counter()
        value = self._elbo.loss_and_grads(*args)
        self.seconds += time.perf_counter() - start
        return value


def network(widths: list[int]) -> nn.Sequential:
    """Layers of these widths."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def work(hidden: int, batch: int, steps: int) -> None:
    """What one process does; the first prints images per second."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
    torch.distributed.init_process_group("gloo")
    pyro.set_rng_seed(0)
    images = (torch.rand(SIZE, PIXELS) < 0.3).float()
    vae = VAE(hidden)
    optimizer = torch.optim.SGD(vae.parameters(), lr=1e-8)
    loss = Timed()
    svi = SVI(vae.model, vae.guide, optimizer, DataParallel(loss))
    shares = [part[rank::world].contiguous() for part in images.split(batch)]
    for share in (shares * 3)[:3]:
        svi.step(share)
    torch.distributed.barrier()
    loss.seconds = 0.0
    start = time.perf_counter()
    for step in range(steps):
        svi.step(shares[step % len(shares)])
    torch.distributed.barrier()
    seconds = time.perf_counter() - start
    if rank == 0:
        print(json.dumps({"images": batch * steps / seconds, "computing": loss.seconds / seconds}))
    torch.distributed.destroy_process_group()


def measure(world: int, options: argparse.Namespace) -> tuple[float, float]:
    """Images per second on so many processes, and the share of time that the first computes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={world}", __file__, "--worker"]
    command += [f"--{name}={getattr(options, name)}" for name in ("hidden", "batch", "steps")]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, check=True, text=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["images"], found["computing"]


def main(options: argparse.Namespace) -> None:
    """Take turns, and print the median round."""
    ratios = []
    for _ in range(options.rounds):
        (one, alone), (two, together) = measure(1, options), measure(2, options)
        ratios.append(two / one)
        print(
            f"one process {one:.0f} images/s, two {two:.0f} images/s: {two / one:.2f} times", end=""
        )
        print(f"; computing {alone:.0%} and {together:.0%} of the time")
    print(f"median of {options.rounds} rounds: {statistics.median(ratios):.2f} times")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4096, help="of all processes together")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.hidden, given.batch, given.steps)
    else:
        main(given)
