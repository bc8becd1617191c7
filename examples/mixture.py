"""Which species? A mixture of normals whose assignments are summed out, on Fisher's irises.

    weights ~ Dirichlet,  locs, scales ~ priors;  species ~ Categorical(weights),
    measurement ~ Normal(locs[species], scales[species])

The parameters are fitted by their most probable values, while the species of each flower is
enumerated and marginalised. Afterwards ``infer_discrete`` tells the most probable species of each
flower, and ``compute_marginals`` how sure that is. The true species are not used but for the
comparison at the end.

Run with ``python examples/mixture.py``.
"""

from __future__ import annotations

import argparse
from itertools import permutations

import torch
from sklearn.datasets import load_iris
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate, infer_discrete
from pyro.optim import Adam

SPECIES = 3


def load() -> tuple[Tensor, Tensor]:
    """Standardised measurements of shape (150, 4), and the species."""
    iris = load_iris()
    data = torch.tensor(iris.data, dtype=torch.float)
    return (data - data.mean(0)) / data.std(0), torch.tensor(iris.target)


@config_enumerate
def model(data: Tensor) -> Tensor:
    """Returns the species."""
    weights = pyro.sample("weights", dist.Dirichlet(2.0 * torch.ones(SPECIES)))
    with pyro.plate("species", SPECIES):
        locs = pyro.sample("locs", dist.Normal(torch.zeros(4), 1.0).to_event(1))
        covariance = dist.Wishart(df=torch.tensor(8.0), scale_tril=torch.eye(4))
        precisions = pyro.sample("precisions", covariance)
    with pyro.plate("flowers", len(data)):
        species = pyro.sample("k", dist.Categorical(weights))
        normal = dist.MultivariateNormal(locs[species], precision_matrix=precisions[species])
        pyro.sample("measurements", normal, obs=data)
    return species


def guide(data: Tensor) -> None:
    """A point for each parameter of the model; the species stay with the model."""
    weights = torch.ones(SPECIES) / SPECIES
    weights = pyro.param("weights_map", weights, constraint=constraints.simplex)
    pyro.sample("weights", dist.Delta(weights, event_dim=1))
    start = data[torch.tensor([0, 60, 120])]
    locs = pyro.param("locs_map", start)
    tril = pyro.param(
        "tril_map", torch.eye(4).repeat(SPECIES, 1, 1), constraint=constraints.lower_cholesky
    )
    with pyro.plate("species", SPECIES):
        pyro.sample("locs", dist.Delta(locs, event_dim=1))
        pyro.sample("precisions", dist.Delta(tril @ tril.mT, event_dim=2))


def fit(data: Tensor, num_steps: int) -> float:
    """Returns the loss at the end."""
    pyro.clear_param_store()
    svi = SVI(model, guide, Adam({"lr": 0.05}), TraceEnum_ELBO(max_plate_nesting=1))
    for _ in range(num_steps):
        loss = svi.step(data)
    return loss


def most_probable(data: Tensor) -> tuple[Tensor, Tensor]:
    """The most probable species of each flower, and the probability that it is the right one."""
    point = poutine.trace(guide).get_trace(data)
    decode = infer_discrete(
        poutine.replay(model, trace=point), first_available_dim=-2, temperature=0
    )
    marginals = TraceEnum_ELBO(max_plate_nesting=1).compute_marginals(model, guide, data)
    return decode(data), marginals["k"].probs.max(-1).values


def agreement(found: Tensor, species: Tensor) -> float:
    """The fraction of flowers assigned rightly, under the best naming of the components."""
    names = [torch.tensor(order)[found] for order in permutations(range(SPECIES))]
    return max((named == species).float().mean().item() for named in names)


def main(num_steps: int = 600) -> float:
    """Fit, decode, compare; returns the agreement with the true species."""
    pyro.set_rng_seed(0)
    data, species = load()
    loss = fit(data, num_steps)
    found, certainty = most_probable(data)
    score = agreement(found, species)
    print(f"loss {loss:.1f}; {score:.1%} of {len(data)} flowers assigned to their species")
    print(f"{int((certainty < 0.9).sum())} flowers are assigned with a probability below 0.9")
    return score


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-steps", type=int, default=600)
    main(parser.parse_args().num_steps)
