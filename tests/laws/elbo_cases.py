"""Models with an exact evidence lower bound: the table of the laws of objectives.

``exact(params)`` is the bound itself, as a differentiable function of the guide's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import kl_divergence

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions.testing import fakes

Params = dict[str, Tensor]


class Case(NamedTuple):
    """A model and a guide; all parameters of the guide are unconstrained."""

    name: str
    params: dict[str, list[float]]
    model: Callable[[], Any]
    guide: Callable[[Params], Any]
    exact: Callable[[Params], Tensor]
    plates: int = 0

    def leaves(self) -> Params:
        """Fresh parameters."""
        return {k: torch.tensor(v, requires_grad=True) for k, v in self.params.items()}


X = torch.tensor([0.3, -1.2, 0.8, 2.0])
COUNTS = torch.tensor([2.0, 0.0, 3.0, 1.0])
FLIPS = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0])
DRAWN = torch.tensor([0, 2, 2, 1, 2])
MASK = torch.tensor([True, False, True, True])


def expected_normal(x: Tensor, loc: Tensor, var: Tensor) -> Tensor:
    """The expectation of log N(x; z, 1) over z of a given mean and variance."""
    return dist.Normal(loc, 1.0).log_prob(x) - 0.5 * var


def normal_normal(fn: type, scale: float = 1.0) -> Case:
    prior = dist.Normal(0.0, 1.0)

    def model() -> None:
        with poutine.scale(scale=scale):
            z = pyro.sample("z", prior)
            with pyro.plate("data", 4):
                pyro.sample("x", dist.Normal(z, 1.0), obs=X)

    def guide(p: Params) -> None:
        with poutine.scale(scale=scale):
            pyro.sample("z", fn(p["loc"], p["log_scale"].exp()))

    def exact(p: Params) -> Tensor:
        q = dist.Normal(p["loc"], p["log_scale"].exp())
        fit = expected_normal(X, q.mean, q.variance).sum()
        return scale * (fit - kl_divergence(q, prior))

    params = {"loc": 0.2, "log_scale": -0.6}
    name = f"normal-normal {fn.__name__}" + ("" if scale == 1 else " scaled")
    return Case(name, params, model, guide, exact, 1)  # type: ignore[arg-type]


def beta_bernoulli(fn: type) -> Case:
    prior = dist.Beta(2.0, 3.0)

    def model() -> None:
        z = pyro.sample("z", prior)
        with pyro.plate("data", 5):
            pyro.sample("x", dist.Bernoulli(z), obs=FLIPS)

    def guide(p: Params) -> None:
        pyro.sample("z", fn(p["a"].exp(), p["b"].exp()))

    def exact(p: Params) -> Tensor:
        a, b = p["a"].exp(), p["b"].exp()
        ones, zeros = FLIPS.sum(), (1 - FLIPS).sum()
        fit = ones * (a.digamma() - (a + b).digamma()) + zeros * (b.digamma() - (a + b).digamma())
        return fit - kl_divergence(dist.Beta(a, b), prior)

    params = {"a": 1.5, "b": 1.2}
    return Case(f"beta-bernoulli {fn.__name__}", params, model, guide, exact, 1)  # type: ignore[arg-type]


def gamma_poisson(fn: type) -> Case:
    prior = dist.Gamma(2.0, 1.0)

    def model() -> None:
        z = pyro.sample("z", prior)
        with pyro.plate("data", 4):
            pyro.sample("x", dist.Poisson(z), obs=COUNTS)

    def guide(p: Params) -> None:
        pyro.sample("z", fn(p["a"].exp(), p["b"].exp()))

    def exact(p: Params) -> Tensor:
        a, b = p["a"].exp(), p["b"].exp()
        fit = COUNTS * (a.digamma() - b.log()) - a / b - (COUNTS + 1).lgamma()
        return fit.sum() - kl_divergence(dist.Gamma(a, b), prior)

    params = {"a": 1.8, "b": 1.2}
    return Case(f"gamma-poisson {fn.__name__}", params, model, guide, exact, 1)  # type: ignore[arg-type]


def dirichlet_categorical(fn: type) -> Case:
    prior = dist.Dirichlet(torch.tensor([1.0, 2.0, 1.5]))

    def model() -> None:
        z = pyro.sample("z", prior)
        with pyro.plate("data", 5):
            pyro.sample("x", dist.Categorical(z), obs=DRAWN)

    def guide(p: Params) -> None:
        pyro.sample("z", fn(p["a"].exp()))

    def exact(p: Params) -> Tensor:
        a = p["a"].exp()
        logs = a.digamma() - a.sum().digamma()
        return logs[DRAWN].sum() - kl_divergence(dist.Dirichlet(a), prior)

    params = {"a": [1.0, 1.3, 1.6]}
    return Case(f"dirichlet-categorical {fn.__name__}", params, model, guide, exact, 1)


def local_normals(fn: type, subsample_size: int | None = None, mask: Tensor | None = None) -> Case:
    """Four latent variables in a plate; the average over subsamples is the whole bound."""

    def plate() -> Any:
        return pyro.plate("data", 4, subsample_size=subsample_size)

    def masked(ids: Tensor) -> Any:
        return poutine.mask(mask=torch.ones(len(ids)).bool() if mask is None else mask[ids])

    def model() -> None:
        with plate() as ids, masked(ids):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=X[ids])

    def guide(p: Params) -> None:
        with plate() as ids, masked(ids):
            pyro.sample("z", fn(p["loc"][ids], p["log_scale"].exp()[ids]))

    def exact(p: Params) -> Tensor:
        q = dist.Normal(p["loc"], p["log_scale"].exp())
        terms = expected_normal(X, q.mean, q.variance)
        terms = terms - kl_divergence(q, dist.Normal(torch.zeros(4), 1.0))
        return terms.sum() if mask is None else terms[mask].sum()

    name = f"local {fn.__name__}"
    name += " subsampled" * bool(subsample_size) + " masked" * (mask is not None)
    params = {"loc": [0.1, 0.5, -0.4, 0.9], "log_scale": [-0.5, 0.1, -0.8, -0.3]}
    return Case(name, params, model, guide, exact, 1)


def hierarchical(fn: type) -> Case:
    """A global and local latent variables, mean-field guide."""
    prior = dist.Normal(0.0, 1.0)

    def model() -> None:
        mu = pyro.sample("mu", prior)
        with pyro.plate("data", 4):
            z = pyro.sample("z", dist.Normal(mu, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=X)

    def guide(p: Params) -> None:
        pyro.sample("mu", fn(p["m"], p["s"].exp()))
        with pyro.plate("data", 4):
            pyro.sample("z", fn(p["loc"], p["log_scale"].exp()))

    def exact(p: Params) -> Tensor:
        q_mu, q = dist.Normal(p["m"], p["s"].exp()), dist.Normal(p["loc"], p["log_scale"].exp())
        fit = expected_normal(X, q.mean, q.variance)
        middle = expected_normal(q.mean, q_mu.mean, q_mu.variance + q.variance)
        return (fit + middle + q.entropy()).sum() - kl_divergence(q_mu, prior)

    params = {"m": 0.3, "s": -0.5, "loc": [0.1, 0.5, -0.4, 0.9], "log_scale": [-0.5] * 4}
    return Case(f"hierarchical {fn.__name__}", params, model, guide, exact, 1)  # type: ignore[arg-type]


def local_bernoullis() -> Case:
    """A discrete latent variable per datum."""

    def model() -> None:
        with pyro.plate("data", 4):
            z = pyro.sample("z", dist.Bernoulli(0.3))
            pyro.sample("x", dist.Normal(z, 1.0), obs=X)

    def guide(p: Params) -> None:
        with pyro.plate("data", 4):
            pyro.sample("z", dist.Bernoulli(logits=p["logits"]))

    def exact(p: Params) -> Tensor:
        q = dist.Bernoulli(logits=p["logits"])
        fit = torch.zeros(4)
        for z in (torch.zeros(4), torch.ones(4)):
            fit = fit + q.log_prob(z).exp() * dist.Normal(z, 1.0).log_prob(X)
        return (fit - kl_divergence(q, dist.Bernoulli(torch.tensor(0.3)))).sum()

    return Case("local Bernoulli", {"logits": [0.4, -1.0, 0.2, 0.0]}, model, guide, exact, 1)


def nested_bernoullis() -> Case:
    """Discrete z[i] in one plate, and w[i, j] that depends on it in two; a normal outside."""
    data = torch.tensor([[0.5, -0.3, 1.5], [1.1, 0.2, -0.7]]).T  # (j=3, i=2): i is dim -1

    def logits(z: Tensor) -> Tensor:
        return 1.5 * z - 0.5

    def model() -> None:
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        with pyro.plate("i", 2, dim=-1):
            z = pyro.sample("z", dist.Bernoulli(0.4))
            with pyro.plate("j", 3, dim=-2):
                w = pyro.sample("w", dist.Bernoulli(logits=logits(z)))
                pyro.sample("x", dist.Normal(mu + w + z, 1.0), obs=data)

    def guide(p: Params) -> None:
        pyro.sample("mu", dist.Normal(p["loc"], 0.5))
        with pyro.plate("i", 2, dim=-1):
            z = pyro.sample("z", dist.Bernoulli(logits=p["z"]))
            with pyro.plate("j", 3, dim=-2):
                pyro.sample("w", dist.Bernoulli(logits=p["w"] + 0.8 * z))

    def exact(p: Params) -> Tensor:
        total = -kl_divergence(dist.Normal(p["loc"], 0.5), dist.Normal(0.0, 1.0))
        q_z = dist.Bernoulli(logits=p["z"])
        for z in (torch.zeros(2), torch.ones(2)):
            q_w, p_w = dist.Bernoulli(logits=p["w"] + 0.8 * z), dist.Bernoulli(logits=logits(z))
            inner = -kl_divergence(q_w, p_w.expand((3, 2)))
            for w in (torch.zeros(3, 2), torch.ones(3, 2)):
                fit = dist.Normal(p["loc"] + w + z, 1.0).log_prob(data) - 0.5 * 0.25
                inner = inner + q_w.log_prob(w).exp() * fit
            prior = dist.Bernoulli(torch.tensor(0.4)).log_prob(z)
            per_z = inner.sum(0) + prior - q_z.log_prob(z)
            total = total + (q_z.log_prob(z).exp() * per_z).sum()
        return total

    params = {"loc": 0.2, "z": [0.3, -0.6], "w": [[0.1, -0.4], [0.5, 0.0], [-0.2, 0.3]]}
    return Case("nested Bernoulli", params, model, guide, exact, 2)  # type: ignore[arg-type]


CASES = [
    normal_normal(dist.Normal),
    normal_normal(fakes.NonreparameterizedNormal),
    normal_normal(dist.Normal, scale=0.4),
    normal_normal(fakes.NonreparameterizedNormal, scale=0.4),
    beta_bernoulli(dist.Beta),
    beta_bernoulli(fakes.NonreparameterizedBeta),
    gamma_poisson(dist.Gamma),
    gamma_poisson(fakes.NonreparameterizedGamma),
    dirichlet_categorical(dist.Dirichlet),
    dirichlet_categorical(fakes.NonreparameterizedDirichlet),
    local_normals(dist.Normal),
    local_normals(fakes.NonreparameterizedNormal),
    local_normals(dist.Normal, subsample_size=2),
    local_normals(fakes.NonreparameterizedNormal, subsample_size=3),
    local_normals(dist.Normal, mask=MASK),
    local_normals(fakes.NonreparameterizedNormal, mask=MASK),
    hierarchical(dist.Normal),
    hierarchical(fakes.NonreparameterizedNormal),
    local_bernoullis(),
    nested_bernoullis(),
]
