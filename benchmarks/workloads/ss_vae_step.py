"""Time of one ``svi.step`` of the semi-supervised VAE, on 128 images of handwritten digits.

The model, the networks and the data are those of ``examples/ss_vae.py``. The guide is the same but
for the neural baseline, which the peer's ``Trace_ELBO`` does not use. Without labels the digit is
sampled, and its gradient is the score function estimate; with labels it is observed. A run is 10
steps.
"""

from __future__ import annotations

import digits
import torch
from harness.timing import THREADS, Case, emit, measure
from ss_vae import SemiSupervisedVAE

import pyro
import pyro.distributions as dist
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam

torch.set_num_threads(THREADS)
pyro.set_rng_seed(0)

STEPS = 10
BATCH = 128
VAE = SemiSupervisedVAE()
DATA = digits.load().unlabelled
IMAGES, LABELS = DATA.images[:BATCH], DATA.labels[:BATCH]
LOSSES: dict[str, list[float]] = {}


def guide(image: torch.Tensor, digit: torch.Tensor | None = None) -> None:
    """Digit and style, given the image."""
    pyro.module("encoder_digit", VAE.encoder_digit)
    pyro.module("encoder_style", VAE.encoder_style)
    with pyro.plate("images", len(image)):
        if digit is None:
            digit = pyro.sample("digit", dist.Categorical(VAE.encoder_digit(image)))
        pyro.sample("style", dist.Normal(*VAE.encoder_style(image, digit)).to_event(1))


def steps(name: str, svi: SVI, *data: torch.Tensor) -> Case:
    """The steps of a fit that goes on from run to run."""
    losses = LOSSES.setdefault(name, [])

    def run() -> None:
        losses.extend([svi.step(*data) / BATCH for _ in range(STEPS)])

    return Case(run, units=STEPS)


if __name__ == "__main__":
    svi = SVI(VAE.model, guide, Adam({"lr": 1e-3}), Trace_ELBO())
    cases = {
        "without labels": steps("without labels", svi, IMAGES),
        "with labels": steps("with labels", svi, IMAGES, LABELS),
    }
    times = measure(cases, repeats=15)
    checks = {name: sum(losses) / len(losses) for name, losses in LOSSES.items()}
    emit("step", times, pyro.__version__, checks)
