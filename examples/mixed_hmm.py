"""Do melodies differ? A hidden Markov model with random effects, all of it summed out.

The melody of a chorale moves from quarter to quarter: it stays, steps, or leaps, upwards or
downwards. A hidden state says which motions are likely. How states follow each other may differ
between melodies: by the mode of the piece (a random effect for major, one for minor) and from
melody to melody (a random effect of each). Random effects are discrete, a choice among a few kinds
of transition matrices (Maruotti and Rydén 2009, *A semiparametric approach to hidden Markov models
under longitudinal observations*):

    kind[mode] ~ Categorical,  kind[melody, mode] ~ Categorical,
    state[t] ~ Categorical(moves[kind[mode], kind[melody, mode], state[t-1]]),
    motion[t] ~ Categorical(motions[state[t]])

So a chain is nested in a plate of melodies, nested in a plate of modes, with choices at each level.
All are enumerated; the cost is linear in the number of melodies. The models are compared by AIC.

Run with ``python examples/mixed_hmm.py`` (needs the package music21).
"""

from __future__ import annotations

import argparse

import chorales
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.ops.indexing import Vindex
from pyro.optim import Adam

STATES = 3
MOTIONS = 5  # stay, step up, leap up, step down, leap down


def motions(count: int, folder: str) -> tuple[Tensor, Tensor]:
    """The motions of all melodies, of shape (melodies, 2 modes, time), and which entries are data.

    The melodies of a mode fill its column from the top.
    """
    data = chorales.load(count, folder=folder)
    top = torch.where(data.notes > 0, data.pitches.float(), -torch.inf).max(-1).values
    change = top[:, 1:] - top[:, :-1]
    valid = change.isfinite() & (torch.arange(change.shape[1]) < data.lengths[:, None] - 1)
    size = change.abs()
    kind = torch.where(size > 2, 2, (size > 0).long()) + torch.where(change < 0, 2, 0)
    kind = torch.where(valid, kind, 0)
    columns = [(kind[data.minor == m], valid[data.minor == m]) for m in (False, True)]
    rows = max(len(k) for k, _ in columns)
    result = torch.zeros(rows, 2, kind.shape[1], dtype=torch.long)
    mask = torch.zeros_like(result, dtype=torch.bool)
    for mode, (kinds, valid_here) in enumerate(columns):
        result[: len(kinds), mode] = kinds
        mask[: len(kinds), mode] = valid_here
    return result, mask


def simplex(name: str, *shape: int) -> Tensor:
    """Probabilities along the last dim: a parameter."""
    start = torch.rand(shape) + 1.0
    return pyro.param(name, start / start.sum(-1, keepdim=True), constraint=constraints.simplex)


@config_enumerate
def model(data: Tensor, mask: Tensor, modes: int, melodies: int) -> None:
    """``modes`` and ``melodies`` are the numbers of kinds that the random effects choose from."""
    count, _, steps = data.shape
    moves = simplex("moves", modes, melodies, STATES, STATES)
    emit = simplex("motions", STATES, MOTIONS)
    with pyro.plate("modes", 2, dim=-1):
        by_mode = pyro.sample("kind of mode", dist.Categorical(simplex("mode kinds", modes)))
        with pyro.plate("melodies", count, dim=-2), poutine.mask(mask=mask[..., 0]):
            kinds = dist.Categorical(simplex("melody kinds", melodies))
            by_melody = pyro.sample("kind of melody", kinds)
            state = torch.tensor(0)
            for t in pyro.markov(range(steps)):
                with poutine.mask(mask=mask[..., t]):
                    probs = Vindex(moves)[by_mode, by_melody, state, :]
                    state = pyro.sample(f"state_{t}", dist.Categorical(probs))
                    pyro.sample(f"motion_{t}", dist.Categorical(emit[state]), obs=data[..., t])


def no_guide(data: Tensor, mask: Tensor, modes: int, melodies: int) -> None:
    """All is summed out."""


def fit(data: Tensor, mask: Tensor, modes: int, melodies: int, num_steps: int) -> float:
    """The AIC of the fitted model."""
    pyro.set_rng_seed(1)
    pyro.clear_param_store()
    svi = SVI(model, no_guide, Adam({"lr": 0.1}), TraceEnum_ELBO(max_plate_nesting=2))
    for _ in range(num_steps):
        loss = svi.step(data, mask, modes, melodies)
    free = sum(p.numel() for p in map(pyro.get_param_store().unconstrained, pyro.get_param_store()))
    return 2 * loss + 2 * free


def main(num_steps: int = 60, count: int = 120, folder: str = "output") -> dict[str, float]:
    """Compare models with and without random effects."""
    data, mask = motions(count, folder)
    print(f"{count} melodies with {int(mask.sum())} motions; AIC of the models, less is better")
    results = {}
    for name, modes, melodies in (
        ("no random effects", 1, 1),
        ("of the mode", 2, 1),
        ("of the melody", 1, 2),
        ("of both", 2, 2),
    ):
        results[name] = fit(data, mask, modes, melodies, num_steps)
        print(f"{name:20s} {results[name]:9.1f}")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-steps", type=int, default=60)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--folder", default="output")
    args = parser.parse_args()
    main(args.num_steps, args.count, args.folder)
