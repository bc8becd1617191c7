"""The same loss, written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from models.dmm.networks import LATENT, Backwards, Gaussian, emitter
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import binary_cross_entropy_with_logits


def make() -> tuple[Callable[[Tensor], Tensor], Iterable[nn.Parameter]]:
    """The loss of a batch, and what is trained."""
    torch.manual_seed(0)
    transition, emit = Gaussian(LATENT), emitter()
    backwards, combine = Backwards(), Gaussian(LATENT + 128)

    def loss(notes: Tensor) -> Tensor:
        states, z = backwards(notes), notes.new_zeros(len(notes), LATENT)
        total = notes.new_zeros(())
        for time in range(notes.shape[1]):
            loc, scale = combine(torch.cat([z, states[:, time]], -1))
            prior = Normal(*transition(z), validate_args=False)
            z = loc + scale * torch.randn_like(loc)
            total = total - prior.log_prob(z).sum()
            total = total + Normal(loc, scale, validate_args=False).log_prob(z).sum()
            total = total + binary_cross_entropy_with_logits(
                emit(z), notes[:, time], reduction="sum"
            )
        return total

    modules = (transition, emit, backwards, combine)
    return loss, [p for module in modules for p in module.parameters()]
