"""A deep Markov model of sequences of chords."""

from __future__ import annotations

import torch
from models.dmm.networks import LATENT, Backwards, Gaussian, emitter
from torch import Tensor

import pyro
import pyro.distributions as dist

torch.manual_seed(0)
TRANSITION, EMITTER = Gaussian(LATENT), emitter()
BACKWARDS, COMBINER = Backwards(), Gaussian(LATENT + 128)


def model(notes: Tensor) -> None:
    pyro.module("transition", TRANSITION)
    pyro.module("emitter", EMITTER)
    z = notes.new_zeros(len(notes), LATENT)
    with pyro.plate("sequences", len(notes)):
        for time in pyro.markov(range(notes.shape[1])):
            z = pyro.sample(f"z_{time}", dist.Normal(*TRANSITION(z)).to_event(1))
            chord = dist.Bernoulli(logits=EMITTER(z)).to_event(1)
            pyro.sample(f"notes_{time}", chord, obs=notes[:, time])


def guide(notes: Tensor) -> None:
    pyro.module("backwards", BACKWARDS)
    pyro.module("combiner", COMBINER)
    states, z = BACKWARDS(notes), notes.new_zeros(len(notes), LATENT)
    with pyro.plate("sequences", len(notes)):
        for time in pyro.markov(range(notes.shape[1])):
            joined = torch.cat([z, states[:, time]], -1)
            z = pyro.sample(f"z_{time}", dist.Normal(*COMBINER(joined)).to_event(1))
