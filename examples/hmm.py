"""Hidden Markov models of Bach's chorales, with all hidden states summed out.

At each quarter the harmony is in a hidden state, which decides what notes sound:

    first order     state ~ Categorical(table[last state])
    second order    state ~ Categorical(table[state before that, last state])
    factorial       two chains of fewer states, that together decide the notes
    neural notes    the notes also depend on the last ones, by a network
    neural moves    and so does the next state

All are the same program but for a line or two: the states are enumerated, ``pyro.markov`` says how
far a state is remembered, and the sums cost as much as the forward algorithm. Chorales differ in
length, so steps after the end are masked. Printed are negative log likelihoods per quarter, of
training chorales and of held-out ones.

Run with ``python examples/hmm.py`` (needs the package music21).
"""

from __future__ import annotations

import argparse
from typing import Any

import chorales
import torch
from chorales import Chorales
from torch import Tensor, nn
from torch.nn.functional import one_hot

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.ops.indexing import Vindex
from pyro.optim import Adam


def table(name: str, *shape: int, self_weight: float = 0.0) -> Tensor:
    """Probabilities along the last dim, a parameter that starts near uniform."""
    start = torch.rand(shape) + 1.0
    if self_weight:
        start = start + self_weight * torch.eye(shape[-1])
    return pyro.param(name, start / start.sum(-1, keepdim=True), constraint=constraints.simplex)


def note_table(*shape: int) -> Tensor:
    """The probability of each note in each state."""
    return pyro.param("notes", 0.05 + 0.1 * torch.rand(shape), constraint=constraints.unit_interval)


class Model(nn.Module):
    """What the models share: plates, masks and the loop over quarters.

    A subclass says with what state a chain begins, how it moves, and what notes it makes. States
    have shape (..., chorales, 1), where ... are dims of enumeration.
    """

    history = 1
    start: Any = 0

    def __init__(self, states: int, pitches: int) -> None:
        super().__init__()
        self.states, self.pitches = states, pitches

    def forward(self, data: Chorales) -> None:
        """The model of a batch of chorales."""
        pyro.module(type(self).__name__, self)
        count, quarters, pitches = data.notes.shape
        in_pitches = pyro.plate("pitches", pitches, dim=-1)
        with pyro.plate("chorales", count, dim=-2):
            state, last = self.start, torch.zeros(count, pitches)
            for t in pyro.markov(range(quarters), history=self.history):
                with poutine.mask(mask=(t < data.lengths).unsqueeze(-1)):
                    state = self.move(t, state, last)
                    with in_pitches:
                        notes = dist.Bernoulli(self.sound(state, last))
                        pyro.sample(f"notes_{t}", notes, obs=data.notes[:, t])
                last = data.notes[:, t]

    def move(self, t: int, state: Any, last: Tensor) -> Any:
        """The next state."""
        return pyro.sample(f"state_{t}", dist.Categorical(self.probs(state, last)))

    def probs(self, state: Any, last: Tensor) -> Tensor:
        """The probabilities of the next state."""
        return table("moves", self.states, self.states, self_weight=5.0)[state]

    def sound(self, state: Any, last: Tensor) -> Tensor:
        """The probabilities of the notes, of shape (..., chorales, pitches)."""
        return note_table(self.states, self.pitches)[state.squeeze(-1)]


class FirstOrder(Model):
    """The state depends on the last one."""


class SecondOrder(Model):
    """The state depends on the last two."""

    history = 2
    start = (0, 0)

    def move(self, t: int, state: Any, last: Tensor) -> Any:
        before, now = state
        probs = Vindex(table("moves", *[self.states] * 3, self_weight=2.0))[before, now]
        return now, pyro.sample(f"state_{t}", dist.Categorical(probs))

    def sound(self, state: Any, last: Tensor) -> Tensor:
        return super().sound(state[1], last)


class Factorial(Model):
    """Two chains, whose states together make the notes."""

    start = (0, 0)

    def move(self, t: int, state: Any, last: Tensor) -> Any:
        moved = []
        for chain, now in zip("ab", state, strict=True):
            probs = table(f"moves_{chain}", self.states, self.states, self_weight=5.0)[now]
            moved.append(pyro.sample(f"state_{chain}_{t}", dist.Categorical(probs)))
        return tuple(moved)

    def sound(self, state: Any, last: Tensor) -> Tensor:
        a, b = (s.squeeze(-1) for s in state)
        return Vindex(note_table(self.states, self.states, self.pitches))[a, b, :]


class NeuralNotes(Model):
    """The notes depend on the state and the last notes."""

    def __init__(self, states: int, pitches: int, hidden: int = 64) -> None:
        super().__init__(states, pitches)
        self.from_last = nn.Linear(pitches, hidden)
        self.from_state = nn.Embedding(states, hidden)
        self.out = nn.Linear(hidden, pitches)

    def sound(self, state: Any, last: Tensor) -> Tensor:
        hidden = self.from_state(state.squeeze(-1)) + self.from_last(last)
        return torch.sigmoid(self.out(torch.relu(hidden)))


class NeuralMoves(NeuralNotes):
    """The next state depends on the last notes as well."""

    def __init__(self, states: int, pitches: int, hidden: int = 64) -> None:
        super().__init__(states, pitches, hidden)
        self.moves = nn.Sequential(
            nn.Linear(states + pitches, hidden), nn.ReLU(), nn.Linear(hidden, states)
        )

    def probs(self, state: Any, last: Tensor) -> Tensor:
        code = one_hot(torch.as_tensor(state), self.states).to(last)
        last = last.unsqueeze(-2)
        batch = torch.broadcast_shapes(code.shape[:-1], last.shape[:-1])
        both = torch.cat([code.expand(*batch, -1), last.expand(*batch, -1)], -1)
        return torch.softmax(self.moves(both), -1)


MODELS = {
    "first order": (FirstOrder, 16),
    "second order": (SecondOrder, 8),
    "factorial": (Factorial, 6),
    "neural notes": (NeuralNotes, 8),
    "neural moves": (NeuralMoves, 8),
}


def no_guide(data: Chorales) -> None:
    """The models sum over all of their sites."""


def fit(name: str, train: Chorales, held_out: Chorales, num_steps: int) -> tuple[float, float]:
    """Maximise the likelihood; returns the losses per quarter, in nats."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    family, states = MODELS[name]
    model = config_enumerate(family(states, train.notes.shape[-1]))
    elbo = TraceEnum_ELBO(max_plate_nesting=2)
    svi = SVI(model, no_guide, Adam({"lr": 0.03}), elbo)
    for _ in range(num_steps):
        batch = torch.randperm(len(train.lengths))[:24]
        svi.step(train[batch])
    losses = [svi.evaluate_loss(data) / int(data.lengths.sum()) for data in (train, held_out)]
    return losses[0], losses[1]


def main(num_steps: int = 120, count: int = 120, folder: str = "output") -> dict[str, float]:
    """Fit all models and print a table; returns the held-out losses."""
    data = chorales.load(count, folder=folder)
    held = torch.arange(count) % 5 == 0
    train, held_out = data[~held], data[held]
    print(f"{count} chorales; nats per quarter in training and held-out chorales")
    results = {}
    for name in MODELS:
        losses = fit(name, train, held_out, num_steps)
        print(f"{name:14s} {losses[0]:7.2f} {losses[1]:7.2f}")
        results[name] = losses[1]
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-steps", type=int, default=120)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--folder", default="output")
    args = parser.parse_args()
    main(args.num_steps, args.count, args.folder)
