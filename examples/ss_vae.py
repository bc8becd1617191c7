"""A semi-supervised variational autoencoder: learn digits from a few labels and many images.

An image is made from a digit (which of ten) and a style (how it is written):

    style ~ Normal(0, 1)^20,  digit ~ Categorical(1/10),  image ~ Bernoulli(decoder(style, digit))

The guide reads the digit off the image, and then the style off both (Kingma et al. 2014,
*Semi-supervised Learning with Deep Generative Models*, model M2). Labelled images simply observe
the digit: model and guide are called with ``digit=...``. The digit is discrete. By default it is
drawn, and its gradient is a score function estimate; what an image is worth on average is learned
by a small network and subtracted, on top of a decaying average (two baselines). With
``--enumerate`` all ten digits are tried at once, which costs more per step and has no such noise.

Run with ``python examples/ss_vae.py``; pictures are written to ``output/``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import digits
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from tqdm import trange

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO
from pyro.optim import Adam

STYLE = 20
PIXELS = 64
CLASSES = 10


def joined(x: Tensor, digit: Tensor) -> Tensor:
    """Vectors and digits side by side; their batch dims broadcast."""
    batch = torch.broadcast_shapes(x.shape[:-1], digit.shape)
    codes = one_hot(digit.long(), CLASSES).expand(*batch, CLASSES)
    return torch.cat([x.expand(*batch, x.shape[-1]), codes], -1)


class Decoder(nn.Module):
    """(style, digit) to the probability of each pixel."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(STYLE + CLASSES, hidden), nn.SiLU(), nn.Linear(hidden, PIXELS)
        )

    def forward(self, style: Tensor, digit: Tensor) -> Tensor:
        """Probabilities of shape (..., 64)."""
        return torch.sigmoid(self.net(joined(style, digit)))


class EncoderDigit(nn.Module):
    """Image to the probability of each digit."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(PIXELS, hidden), nn.SiLU(), nn.Linear(hidden, CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        """Probabilities of shape (..., 10)."""
        return torch.softmax(self.net(image), -1)


class EncoderStyle(nn.Module):
    """(image, digit) to mean and standard deviation of the style."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(PIXELS + CLASSES, hidden), nn.SiLU(), nn.Linear(hidden, 2 * STYLE)
        )

    def forward(self, image: Tensor, digit: Tensor) -> tuple[Tensor, Tensor]:
        """Two tensors of shape (..., 20)."""
        loc, scale = self.net(joined(image, digit)).chunk(2, -1)
        return loc, nn.functional.softplus(scale) + 1e-3


class SemiSupervisedVAE(nn.Module):
    """The model, the guide, and the networks that they share.

    :param enumerate_digit: Whether the guide tries all digits, or draws one.
    """

    def __init__(self, hidden: int = 128, enumerate_digit: bool = False) -> None:
        super().__init__()
        self.enumerate_digit = enumerate_digit
        self.decoder = Decoder(hidden)
        self.encoder_digit = EncoderDigit(hidden)
        self.encoder_style = EncoderStyle(hidden)
        self.baseline = nn.Sequential(
            nn.Linear(PIXELS, hidden), nn.SiLU(), nn.Linear(hidden, 1), nn.Flatten(-2)
        )

    def model(self, image: Tensor | None = None, digit: Tensor | None = None, n: int = 1) -> Tensor:
        """Score images, or generate ``n`` of them when ``image`` is None."""
        pyro.module("decoder", self.decoder)
        with pyro.plate("images", n if image is None else len(image)):
            style = pyro.sample(
                "style", dist.Normal(torch.zeros(STYLE), torch.ones(STYLE)).to_event(1)
            )
            digit = pyro.sample("digit", dist.Categorical(torch.ones(10) * 0.1), obs=digit)
            pixels = dist.Bernoulli(self.decoder(style, digit)).to_event(1)
            return pyro.sample("image", pixels, obs=image)

    def guide(self, image: Tensor, digit: Tensor | None = None) -> None:
        """Digit and style, given the image."""
        pyro.module("encoder_digit", self.encoder_digit)
        pyro.module("encoder_style", self.encoder_style)
        baseline = {
            "use_decaying_avg_baseline": True,
            "nn_baseline": self.baseline,
            "nn_baseline_input": image,
        }
        with pyro.plate("images", len(image)):
            if digit is None:
                probs = self.encoder_digit(image)
                infer = (
                    {"enumerate": "parallel"} if self.enumerate_digit else {"baseline": baseline}
                )
                digit = pyro.sample("digit", dist.Categorical(probs), infer=infer)
            pyro.sample("style", dist.Normal(*self.encoder_style(image, digit)).to_event(1))

    def classifier(self, image: Tensor, digit: Tensor) -> None:
        """The guide's digit, observed: labels teach the encoder directly as well."""
        pyro.module("encoder_digit", self.encoder_digit)
        with pyro.plate("images", len(image)):
            pyro.sample("label", dist.Categorical(self.encoder_digit(image)), obs=digit)

    def classify(self, image: Tensor) -> Tensor:
        """The most probable digits."""
        with torch.no_grad():
            return self.encoder_digit(image).argmax(-1)

    def accuracy(self, data: digits.Digits) -> float:
        """The fraction of images that are classified as they are labelled."""
        return float((self.classify(data.images) == data.labels).float().mean())


def no_guide(image: Tensor, digit: Tensor) -> None:
    """The guide of a model without latent sites."""


def train(vae: SemiSupervisedVAE, data: digits.Split, num_epochs: int) -> list[float]:
    """Minimise -ELBO (and the classification loss); returns the loss per image of each epoch."""
    optim = Adam({"lr": 3e-3})
    enumerating = TraceEnum_ELBO(max_plate_nesting=1, strict_enumeration_warning=False)
    elbo = enumerating if vae.enumerate_digit else Trace_ELBO()
    svi = SVI(vae.model, vae.guide, optim, elbo)
    label_weight = 0.1 * len(data.unlabelled.labels)
    supervised = poutine.scale(vae.classifier, label_weight / len(data.labelled.labels))
    svi_labels = SVI(supervised, no_guide, optim, Trace_ELBO())
    total = len(data.unlabelled.labels) + len(data.labelled.labels)
    for _ in range(300):  # start from what the labels alone teach
        svi_labels.step(*data.labelled)
    losses = []
    progress = trange(num_epochs, desc="semi-supervised VAE", mininterval=0.5)
    for _ in progress:
        loss = 0.0
        for batch in torch.randperm(len(data.unlabelled.labels)).split(128):
            loss += svi.step(data.unlabelled.images[batch])
            svi_labels.step(*data.labelled)
        loss += svi.step(*data.labelled)
        losses.append(loss / total)
        progress.set_postfix(loss=f"{losses[-1]:.2f}", refresh=False)
    return losses


def generate(vae: SemiSupervisedVAE, num_styles: int = 10) -> Tensor:
    """Pixel probabilities of each digit in several styles, of shape (10, num_styles, 8, 8)."""
    with torch.no_grad():
        style = torch.randn(num_styles, STYLE).expand(CLASSES, -1, -1)
        digit = torch.arange(CLASSES)[:, None].expand(-1, num_styles)
        return vae.decoder(style, digit).reshape(CLASSES, num_styles, 8, 8)


def save_pictures(images: Tensor, losses: list[float], folder: Path) -> list[Path]:
    """Write the generated digits and the loss curve as PNG files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "ss_vae_digits.png", folder / "ss_vae_loss.png"]
    framed = nn.functional.pad(images, (1, 1, 1, 1), value=0.15)  # a grey line around each image
    rows, columns, height, width = framed.shape
    grid = framed.permute(0, 2, 1, 3).reshape(rows * height, columns * width)
    figure, axes = plt.subplots(figsize=(6, 6.3), layout="constrained")
    axes.imshow(grid.numpy(), cmap="gray_r", vmin=0, vmax=1)
    axes.set_yticks([height * (d + 0.5) - 0.5 for d in range(rows)], [str(d) for d in range(rows)])
    axes.set(xticks=[], xlabel="style", ylabel="digit", title="Generated digits")
    figure.savefig(paths[0], dpi=100)
    plt.close(figure)
    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    axes.plot(losses)
    axes.set(xlabel="epoch", ylabel="loss per image (nats)", title="Semi-supervised VAE")
    figure.savefig(paths[1], dpi=120)
    plt.close(figure)
    return paths


def main(
    num_epochs: int = 200,
    labels_per_class: int = 10,
    folder: str = "output",
    enumerate_digit: bool = False,
) -> float:
    """Train, report held-out accuracy, save pictures; returns the accuracy."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    data = digits.load(labels_per_class)
    vae = SemiSupervisedVAE(enumerate_digit=enumerate_digit)
    losses = train(vae, data, num_epochs)
    accuracy = vae.accuracy(data.held_out)
    print(
        f"Semi-supervised VAE: {len(data.labelled.labels)} labelled and "
        f"{len(data.unlabelled.labels)} unlabelled images; accuracy on "
        f"{len(data.held_out.labels)} held-out images: {accuracy:.1%}"
    )
    for path in save_pictures(generate(vae), losses, Path(folder)):
        print(f"saved {path}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-epochs", type=int, default=200)
    parser.add_argument("--labels-per-class", type=int, default=10)
    parser.add_argument("--folder", default="output")
    parser.add_argument("--enumerate", action="store_true", help="try all digits at each step")
    args = parser.parse_args()
    main(args.num_epochs, args.labels_per_class, args.folder, args.enumerate)
