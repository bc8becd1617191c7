"""Eight schools: a hierarchical model of real data, fitted with a guide.

Eight schools measured the effect of coaching on test scores (Rubin 1981; Gelman et al., *Bayesian
Data Analysis*, section 5.5). How far should each school's estimate be pulled towards the others'?
The model answers: as far as the data themselves say the schools are alike.

    y_j ~ Normal(theta_j, sigma_j),  theta_j = mu + tau * eta_j,  eta_j ~ Normal(0, 1)

The guide is a multivariate normal over (mu, softplus^-1(tau), eta), so that it can express how the
latents hang together.

Run with ``python examples/eight_schools.py``.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import SVI, Predictive, Trace_ELBO
from pyro.optim import ClippedAdam

EFFECT = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
STDDEV = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SCHOOLS = "ABCDEFGH"


def model(stddev: Tensor, effect: Tensor | None = None) -> Tensor:
    """The effects of coaching; returns the schools' true effects."""
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("school", len(stddev)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        theta = pyro.deterministic("theta", mu + tau * eta, event_dim=0)
        pyro.sample("effect", dist.Normal(theta, stddev), obs=effect)
    return theta


def guide(stddev: Tensor, effect: Tensor | None = None) -> None:
    """A multivariate normal over (mu, softplus^-1(tau), eta_1, ..., eta_8)."""
    size = len(stddev)
    loc = pyro.param("loc", torch.zeros(size + 2))
    scale_tril = pyro.param(
        "scale_tril", 0.3 * torch.eye(size + 2), constraint=constraints.lower_cholesky
    )
    joint = dist.MultivariateNormal(loc, scale_tril=scale_tril)
    z = pyro.sample("z", joint, infer={"is_auxiliary": True})
    mu, t, eta = z[..., 0], z[..., 1], z[..., 2:]
    pyro.sample("mu", dist.Delta(mu))
    pyro.sample("tau", dist.Delta(softplus(t), log_density=-logsigmoid(t)))
    with pyro.plate("school", size):
        pyro.sample("eta", dist.Delta(eta))


def fit(num_steps: int = 1500) -> list[float]:
    """Maximise the ELBO; returns the loss of each step."""
    optim = ClippedAdam({"lr": 0.03, "lrd": 0.05 ** (1 / num_steps)})
    svi = SVI(model, guide, optim, Trace_ELBO())
    return [svi.step(STDDEV, EFFECT) for _ in range(num_steps)]


def posterior(num_samples: int = 4000) -> dict[str, Tensor]:
    """Draws of mu, tau and theta from the fitted guide."""
    predictive = Predictive(
        model, guide=guide, num_samples=num_samples, return_sites=("mu", "tau", "theta")
    )
    with torch.no_grad():
        return {name: draws.squeeze() for name, draws in predictive(STDDEV).items()}


def table(draws: dict[str, Tensor]) -> str:
    """Mean, standard deviation and quantiles of each latent, a line each."""
    rows = {"mu": draws["mu"], "tau": draws["tau"]}
    rows |= {f"theta[{s}]": draws["theta"][:, j] for j, s in enumerate(SCHOOLS)}
    lines = [f"{'':10}{'mean':>8}{'sd':>8}{'5%':>8}{'50%':>8}{'95%':>8}"]
    for name, values in rows.items():
        quantiles = values.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
        numbers = [values.mean().item(), values.std().item(), *quantiles]
        lines.append(f"{name:10}" + "".join(f"{number:8.2f}" for number in numbers))
    return "\n".join(lines)


def main(num_steps: int = 1500) -> None:
    """Fit and print the posterior."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    losses = fit(num_steps)
    print(f"Eight schools: loss {losses[0]:.2f} -> {sum(losses[-100:]) / 100:.2f}")
    print(table(posterior()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-steps", type=int, default=1500)
    main(parser.parse_args().num_steps)
