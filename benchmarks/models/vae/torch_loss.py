"""The same loss, written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from models.vae.networks import Encoder, decoder
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import binary_cross_entropy_with_logits


def make() -> tuple[Callable[[Tensor], Tensor], Iterable[nn.Parameter]]:
    """The loss of a batch, and what is trained."""
    torch.manual_seed(0)
    encode, decode = Encoder(), decoder()

    def loss(image: Tensor) -> Tensor:
        loc, scale = encode(image)
        code = loc + scale * torch.randn_like(loc)
        prior = Normal(0.0, 1.0, validate_args=False).log_prob(code).sum()
        guide = Normal(loc, scale, validate_args=False).log_prob(code).sum()
        misfit = binary_cross_entropy_with_logits(decode(code), image, reduction="sum")
        return misfit + guide - prior

    return loss, [*encode.parameters(), *decode.parameters()]
