"""A variational autoencoder trained on several processes, or alone.

Each process runs the same program on its share of each batch of images; plates scale a share to all
data, and gradients are averaged. Run with

    torchrun --nproc-per-node 2 examples/data_parallel_svi.py

on one machine, with ``--nnodes`` and ``--rdzv-endpoint`` on several, or without torchrun as one
process. After each epoch the first process writes a checkpoint, from which a run that was stopped
goes on.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch
import torch.distributed
import vae
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import pyro
from pyro.infer import SVI, DataParallel, Trace_ELBO


def main(epochs: int = 10, batch_size: int = 128, hidden: int = 128, file: str = "") -> float:
    """Train; returns the loss per image of the last epoch, which is the same in all processes."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if on_gpu else "cpu"
    if world > 1:
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    pyro.set_rng_seed(0)
    images = vae.images()
    data = TensorDataset(images, torch.arange(len(images)))
    sampler: DistributedSampler[tuple[torch.Tensor, ...]] = DistributedSampler(data, world, rank)
    loader = DataLoader(data, batch_size // world, sampler=sampler, pin_memory=on_gpu)
    autoencoder = vae.VAE(len(images), hidden).to(device)
    optimizer = torch.optim.Adam(autoencoder.parameters(), lr=2e-3)
    svi = SVI(autoencoder.model, autoencoder.guide, optimizer, DataParallel(Trace_ELBO()))
    done = 0
    if file and Path(file).exists():
        done = svi.load(file, map_location=device)["epoch"]
        sampler.set_epoch(done)
    loss = float("nan")
    for epoch in range(done + 1, epochs + 1):
        start = time.perf_counter()
        batches = ([part.to(device, non_blocking=True) for part in batch] for batch in loader)
        result = svi.run(batches=batches, epochs=1, progress=False, compile=False)
        sampler.set_epoch(epoch)
        loss = result.losses.mean().item() / len(images)
        if rank == 0:
            rate = len(images) / (time.perf_counter() - start)
            print(f"epoch {epoch}: loss {loss:.2f} per image, {rate:.0f} images per second")
            if file:
                svi.save(file, epoch=epoch)
    if world > 1:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    return loss


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128, help="of all processes together")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--file", default="", help="of the checkpoint")
    main(**vars(parser.parse_args()))
