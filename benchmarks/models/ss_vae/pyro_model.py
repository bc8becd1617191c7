"""The semi-supervised autoencoder on images without labels; the label is summed out."""

from __future__ import annotations

import torch
from models.vae.networks import LATENT, PIXELS, Encoder, decoder, joined
from torch import Tensor, nn

import pyro
import pyro.distributions as dist

LABELS = 10
NESTING = 1
ENUMERATED = ("label",)
torch.manual_seed(0)
ENCODER, DECODER, LABELLER = Encoder(LABELS), decoder(LABELS), nn.Linear(PIXELS, LABELS)


def model(image: Tensor) -> None:
    pyro.module("decoder", DECODER)
    with pyro.plate("images", len(image)):
        label = pyro.sample("label", dist.OneHotCategorical(torch.ones(LABELS) / LABELS))
        code = pyro.sample("code", dist.Normal(image.new_zeros(LATENT), 1.0).to_event(1))
        logits = DECODER(joined(code, label))
        pyro.sample("image", dist.Bernoulli(logits=logits).to_event(1), obs=image)


def guide(image: Tensor) -> None:
    pyro.module("encoder", ENCODER)
    pyro.module("labeller", LABELLER)
    with pyro.plate("images", len(image)):
        law = dist.OneHotCategorical(logits=LABELLER(image))
        label = pyro.sample("label", law, infer={"enumerate": "parallel"})
        pyro.sample("code", dist.Normal(*ENCODER(joined(image, label))).to_event(1))
