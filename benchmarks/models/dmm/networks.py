"""The networks of a deep Markov model (Krishnan, Shalit and Sontag 2017), for all who train it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NOTES, HIDDEN, LATENT = 88, 128, 32


class Gaussian(nn.Module):
    """From a vector to location and scale of the latents."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, HIDDEN)
        self.loc, self.log_scale = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.hidden(x))
        return self.loc(hidden), (0.5 * self.log_scale(hidden)).exp()


class Backwards(nn.Module):
    """What comes after each time, and before it in the guide: a state per time."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(NOTES, HIDDEN, batch_first=True)

    def forward(self, notes: Tensor) -> Tensor:
        states: Tensor = self.recurrent(notes.flip(1))[0]
        return states.flip(1)


def emitter() -> nn.Sequential:
    """From the latents to the logits of the notes."""
    return nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, NOTES))
