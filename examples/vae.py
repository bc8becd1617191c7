"""A variational autoencoder of images with 64 binary pixels, for the examples about training.

    code ~ Normal(0, 1)^8,  image ~ Bernoulli(decoder(code))

The guide reads the code off the image (Kingma and Welling 2014).
"""

from __future__ import annotations

import digits
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro.nn import PyroModule, pyro_method

PIXELS = 64
CODE = 8


class VAE(PyroModule):
    """Model and guide, with the networks that they share.

    :param size: The number of all images, whatever the size of a batch.
    :param hidden: The width of the networks.
    """

    def __init__(self, size: int, hidden: int = 128) -> None:
        super().__init__()
        self.size = size
        self.decoder = nn.Sequential(nn.Linear(CODE, hidden), nn.SiLU(), nn.Linear(hidden, PIXELS))
        self.encoder = nn.Sequential(
            nn.Linear(PIXELS, hidden), nn.SiLU(), nn.Linear(hidden, 2 * CODE)
        )

    @pyro_method
    def model(self, image: Tensor, index: Tensor) -> None:
        """Codes and pixels of the images of a batch."""
        with pyro.plate("images", self.size, subsample=index):
            code = pyro.sample("code", dist.Normal(image.new_zeros(CODE), 1.0).to_event(1))
            pixels = dist.Bernoulli(logits=self.decoder(code)).to_event(1)
            pyro.sample("image", pixels, obs=image)

    @pyro_method
    def guide(self, image: Tensor, index: Tensor) -> None:
        """The codes, given the images."""
        with pyro.plate("images", self.size, subsample=index):
            loc, scale = self.encoder(image).chunk(2, -1)
            scale = nn.functional.softplus(scale) + 1e-3
            pyro.sample("code", dist.Normal(loc, scale).to_event(1))


def images(repeat: int = 1) -> Tensor:
    """Handwritten digits that train a VAE."""
    data = digits.load(num_held_out=200)
    return torch.cat([data.labelled.images, data.unlabelled.images]).repeat(repeat, 1)
