"""Latent Dirichlet allocation with an amortised guide: the scales behind Bach's chorales.

A document is a chorale, its words are the pitch classes (C, C sharp, ... B) of its notes. Each
topic is a distribution over words, each chorale a mixture of topics (Blei, Ng and Jordan 2003,
*Latent Dirichlet Allocation*):

    weights[d] ~ Dirichlet(1/4),  topic[w, d] ~ Categorical(weights[d]),
    word[w, d] ~ Categorical(words of topic[w, d])

The topic of each word is enumerated and summed out. The weights of a chorale are read off its word
counts by a network (Srivastava and Sutton 2017, *Autoencoding Variational Inference for Topic
Models*), so new chorales need no new fit. The topics come out as diatonic scales; printed are their
words, and the perplexity of held-out chorales: 12 for guessing at random.

Run with ``python examples/lda.py`` (needs the package music21).
"""

from __future__ import annotations

import argparse
import math

import chorales
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.optim import Adam

NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
WORDS = len(NAMES)
LENGTH = 96


def documents(count: int, folder: str) -> Tensor:
    """The same number of words from each chorale, drawn at random; of shape (words, chorales)."""
    data = chorales.load(count, folder=folder)
    classes = one_hot_classes(data.pitches)
    counts = data.notes.sum(1) @ classes
    draws = torch.multinomial(counts, LENGTH, replacement=True)
    return draws.T


def one_hot_classes(pitches: Tensor) -> Tensor:
    """From pitches to their classes; shape (pitches, 12)."""
    return nn.functional.one_hot(pitches % WORDS, WORDS).float()


def word_counts(docs: Tensor) -> Tensor:
    """How often each word is in each document; shape (documents, 12)."""
    return nn.functional.one_hot(docs, WORDS).sum(0).float()


class TopicModel(nn.Module):
    """The model, the guide, and the network that reads word counts."""

    def __init__(self, topics: int) -> None:
        super().__init__()
        self.topics = topics
        self.encoder = nn.Sequential(
            nn.Linear(WORDS, 64), nn.ReLU(), nn.Linear(64, topics), nn.Softplus()
        )

    @config_enumerate
    def model(self, docs: Tensor) -> None:
        """Documents of shape (words, documents)."""
        start = torch.rand(self.topics, WORDS) + 0.5
        start = start / start.sum(-1, keepdim=True)
        words = pyro.param("topic_words", start, constraint=constraints.simplex)
        with pyro.plate("documents", docs.shape[1], dim=-1):
            prior = dist.Dirichlet(torch.full((self.topics,), 0.25))
            weights = pyro.sample("weights", prior)
            with pyro.plate("words", len(docs), dim=-2):
                topic = pyro.sample("topic", dist.Categorical(weights))
                pyro.sample("word", dist.Categorical(words[topic]), obs=docs)

    def guide(self, docs: Tensor) -> None:
        """The weights of each document, given its words."""
        pyro.module("encoder", self.encoder)
        concentration = self.encoder(word_counts(docs) / len(docs) * WORDS) + 0.05
        with pyro.plate("documents", docs.shape[1], dim=-1):
            pyro.sample("weights", dist.Dirichlet(concentration))


def fit(docs: Tensor, topics: int, num_steps: int) -> tuple[TopicModel, TraceEnum_ELBO]:
    """Train model and guide together."""
    model = TopicModel(topics)
    elbo = TraceEnum_ELBO(max_plate_nesting=2)
    svi = SVI(model.model, model.guide, Adam({"lr": 0.02}), elbo)
    for _ in range(num_steps):
        batch = torch.randperm(docs.shape[1])[:32]
        svi.step(docs[:, batch])
    return model, elbo


def main(topics: int = 6, num_steps: int = 400, count: int = 120, folder: str = "output") -> float:
    """Fit, print the topics; returns the perplexity of held-out chorales."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    docs = documents(count, folder)
    held = torch.arange(count) % 5 == 0
    model, elbo = fit(docs[:, ~held], topics, num_steps)
    with torch.no_grad():
        losses = [elbo.loss(model.model, model.guide, docs[:, held]) for _ in range(20)]
    perplexity = math.exp(sum(losses) / len(losses) / docs[:, held].numel())
    for probs in pyro.param("topic_words").detach():
        order = probs.argsort(descending=True)
        print(" ".join(f"{NAMES[k]}:{probs[k]:.2f}" for k in order.tolist() if probs[k] > 0.04))
    print(f"perplexity of {int(held.sum())} held-out chorales: at most {perplexity:.2f} of {WORDS}")
    return perplexity


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topics", type=int, default=6)
    parser.add_argument("--num-steps", type=int, default=400)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--folder", default="output")
    args = parser.parse_args()
    main(args.topics, args.num_steps, args.count, args.folder)
