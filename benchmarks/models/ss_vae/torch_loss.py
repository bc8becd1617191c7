"""The same loss, written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from models.vae.networks import PIXELS, Encoder, decoder, joined
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

LABELS = 10


def make() -> tuple[Callable[[Tensor], Tensor], Iterable[nn.Parameter]]:
    """The loss of a batch, and what is trained."""
    torch.manual_seed(0)
    encode, decode, labeller = Encoder(LABELS), decoder(LABELS), nn.Linear(PIXELS, LABELS)
    labels = torch.eye(LABELS)[:, None]

    def loss(image: Tensor) -> Tensor:
        log_weight = log_softmax(labeller(image), -1).T
        loc, scale = encode(joined(image, labels))
        code = loc + scale * torch.randn_like(loc)
        prior = Normal(0.0, 1.0, validate_args=False).log_prob(code).sum(-1)
        guide = Normal(loc, scale, validate_args=False).log_prob(code).sum(-1)
        logits = decode(joined(code, labels))
        pixels = image.expand_as(logits)
        misfit = binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(-1)
        cost = misfit + guide - prior + log_weight + math.log(LABELS)
        return (log_weight.exp() * cost).sum()

    modules = (encode, decode, labeller)
    return loss, [parameter for module in modules for parameter in module.parameters()]
