"""The networks of the variational autoencoder, for all who train it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PIXELS, HIDDEN, LATENT = 784, 256, 20


class Encoder(nn.Module):
    """From an image (and what is joined to it) to location and scale of the latents."""

    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.hidden = nn.Linear(PIXELS + extra, HIDDEN)
        self.loc, self.log_scale = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.hidden(image))
        return self.loc(hidden), self.log_scale(hidden).exp()


def decoder(extra: int = 0) -> nn.Sequential:
    """From the latents (and what is joined to them) to the logits of the pixels."""
    return nn.Sequential(nn.Linear(LATENT + extra, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, PIXELS))


def joined(one: Tensor, other: Tensor) -> Tensor:
    """Two batches of vectors as one of longer vectors; leading dims broadcast."""
    batch = torch.broadcast_shapes(one.shape[:-1], other.shape[:-1])
    return torch.cat([one.expand(*batch, -1), other.expand(*batch, -1)], -1)
