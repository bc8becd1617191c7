"""A variational autoencoder of binary images."""

from __future__ import annotations

import torch
from models.vae.networks import LATENT, Encoder, decoder
from torch import Tensor

import pyro
import pyro.distributions as dist

torch.manual_seed(0)
ENCODER, DECODER = Encoder(), decoder()


def model(image: Tensor) -> None:
    pyro.module("decoder", DECODER)
    with pyro.plate("images", len(image)):
        code = pyro.sample(
            "code", dist.Normal(image.new_zeros(len(image), LATENT), 1.0).to_event(1)
        )
        pyro.sample("image", dist.Bernoulli(logits=DECODER(code)).to_event(1), obs=image)


def guide(image: Tensor) -> None:
    pyro.module("encoder", ENCODER)
    with pyro.plate("images", len(image)):
        pyro.sample("code", dist.Normal(*ENCODER(image)).to_event(1))
