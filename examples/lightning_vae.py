"""A variational autoencoder trained by Lightning: the loss is a module among others.

Lightning brings the loop, devices, precision, clipping and checkpoints; the loss of a model and a
guide is a module whose parameters exist, so nothing special is needed. Plates know the size of all
data, so that ``--devices 2 --strategy ddp`` averages what it should.
Needs ``pip install lightning``.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning
import torch
import vae
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import pyro
from pyro.infer import Trace_ELBO


class Training(lightning.LightningModule):
    """What Lightning trains.

    :param size: The number of all images.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.vae = vae.VAE(size)
        self.loss_fn = Trace_ELBO()(self.vae.model, self.vae.guide)
        self.losses: list[float] = []

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """The loss per image."""
        loss: Tensor = self.loss_fn(*batch) / self.size
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimiser for model and guide."""
        return torch.optim.Adam(self.vae.parameters(), lr=2e-3)


def main(epochs: int = 10, **options: Any) -> Training:
    """Train; ``options`` are those of ``lightning.Trainer``."""
    pyro.set_rng_seed(0)
    with pyro.settings.context(module_local_params=True):
        images = vae.images()
        data = TensorDataset(images, torch.arange(len(images)))
        loader = DataLoader(data, 128, shuffle=True)
        training = Training(len(images))
        trainer = lightning.Trainer(max_epochs=epochs, gradient_clip_val=10.0, **options)
        trainer.fit(training, loader)
    last = training.losses[-len(loader) :]
    print(f"loss per image: {sum(last) / len(last):.2f}")
    return training


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--strategy", default="auto")
    main(**vars(parser.parse_args()))
