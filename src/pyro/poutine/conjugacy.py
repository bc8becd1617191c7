"""Conjugate pairs, and the exact beliefs about latent variables that they allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch.distributions.utils import broadcast_all

from pyro.poutine.dependence import Selection, jacobian, selected

Tensors = tuple[torch.Tensor, ...]


class Prior(NamedTuple):
    """A family whose density is proportional to ``exp(<parameters, statistics>)``.

    ``log_normalizer`` maps the parameters to the log of the normalising integral.
    """

    parameters: tuple[str, ...]
    log_normalizer: Callable[..., torch.Tensor]
    event_dim: int = 0


class Likelihood(NamedTuple):
    """How an observation moves the parameters of its conjugate prior.

    ``statistics`` maps the distribution and the observation to what is added to each parameter,
    and ``log_base`` to the factor of the density that is free of the latent variable.
    """

    parameter: str
    statistics: Callable[[Any, torch.Tensor], Tensors]
    log_base: Callable[[Any, torch.Tensor], torch.Tensor]


def _log_beta(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a.lgamma() + b.lgamma() - (a + b).lgamma()


def _log_gamma(concentration: torch.Tensor, rate: torch.Tensor) -> torch.Tensor:
    return concentration.lgamma() - concentration * rate.log()


def _log_dirichlet(concentration: torch.Tensor) -> torch.Tensor:
    return concentration.lgamma().sum(-1) - concentration.sum(-1).lgamma()


def _log_choose(fn: Any, x: torch.Tensor) -> torch.Tensor:
    n: torch.Tensor = fn.total_count
    return (n + 1).lgamma() - (x + 1).lgamma() - (n - x + 1).lgamma()


def _log_multinomial(fn: Any, x: torch.Tensor) -> torch.Tensor:
    return (x.sum(-1) + 1).lgamma() - (x + 1).lgamma().sum(-1)


def _one_hot(fn: Any, x: torch.Tensor) -> Tensors:
    return (torch.nn.functional.one_hot(x.long(), fn.probs.shape[-1]).to(fn.probs.dtype),)


def _zero(fn: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.zeros((), dtype=x.dtype, device=x.device)


PRIORS: dict[str, Prior] = {
    "Beta": Prior(("concentration1", "concentration0"), _log_beta),
    "Dirichlet": Prior(("concentration",), _log_dirichlet, event_dim=1),
    "Gamma": Prior(("concentration", "rate"), _log_gamma),
}
CONJUGACIES: dict[tuple[str, str], Likelihood] = {
    ("Beta", "Bernoulli"): Likelihood("probs", lambda fn, x: (x, 1 - x), _zero),
    ("Beta", "Binomial"): Likelihood("probs", lambda fn, x: (x, fn.total_count - x), _log_choose),
    ("Beta", "Geometric"): Likelihood("probs", lambda fn, x: (torch.ones_like(x), x), _zero),
    ("Dirichlet", "Categorical"): Likelihood("probs", _one_hot, _zero),
    ("Dirichlet", "Multinomial"): Likelihood("probs", lambda fn, x: (x,), _log_multinomial),
    ("Dirichlet", "OneHotCategorical"): Likelihood("probs", lambda fn, x: (x,), _zero),
    ("Gamma", "Exponential"): Likelihood("rate", lambda fn, x: (torch.ones_like(x), x), _zero),
    ("Gamma", "Poisson"): Likelihood(
        "rate", lambda fn, x: (x, torch.ones_like(x)), lambda fn, x: -(x + 1).lgamma()
    ),
}


@dataclass
class ConjugateBelief:
    """What is known of one latent site with a conjugate prior.

    :param fn: The posterior so far; at first the prior (without ``to_event``).
    :param log_evidence: Log-probability of the observations so far, of the batch shape of ``fn``.
    """

    family: str
    fn: Any
    scale: Any
    names: list[str]
    values: list[torch.Tensor]
    log_evidence: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.log_evidence = self.values[0].new_zeros(self.fn.batch_shape)

    def absorb(self, family: str, fn: Any, x: torch.Tensor, mask: Any) -> bool:
        """Take in an observation; False if the pair is not conjugate."""
        rule = CONJUGACIES.get((self.family, family))
        if rule is None:
            return False
        prior = PRIORS[self.family]
        parameter = getattr(fn, rule.parameter)
        selection = selected(parameter, normalised=prior.event_dim == 1)
        if selection is None:
            return False
        x = x.to(parameter.dtype)
        old = [getattr(self.fn, name) for name in prior.parameters]
        moves = [
            selection.pull_back(self.values[0], _masked(s, mask, prior.event_dim))
            for s in rule.statistics(fn, x)
        ]
        new = [p + move for p, move in zip(old, moves, strict=True)]
        base = _masked(rule.log_base(fn, x), mask, 0)
        evidence = prior.log_normalizer(*new) - prior.log_normalizer(*old)
        self.log_evidence = self.log_evidence + evidence + self._spread(selection, base)
        self.fn = type(self.fn)(*new, validate_args=False)
        return True

    def _spread(self, selection: Selection, base: torch.Tensor) -> torch.Tensor:
        """The log base measures, summed over the elements of the latent site."""
        if PRIORS[self.family].event_dim == 0:
            return selection.pull_back(self.values[0], base)
        first = torch.nn.functional.pad(base.unsqueeze(-1), (0, selection.tensor.shape[-1] - 1))
        return selection.pull_back(self.values[0], first).sum(-1)

    def draw(self) -> dict[str, torch.Tensor]:
        """A draw from the posterior."""
        return {self.names[0]: self.fn()}


@dataclass
class GaussianBelief:
    """What is known of normal sites jointly: ``N(mean, covariance)`` of all their elements.

    The update is that of the Kalman filter (Särkkä, *Bayesian Filtering and Smoothing*, 4.3).
    """

    scale: Any
    names: list[str] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)
    mean: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    covariance: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    log_evidence: torch.Tensor = field(default_factory=lambda: torch.zeros(()))

    def predict(self, fn: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean, covariance, and cross-covariance with the sites known, of a normal's elements.

        The location must be an affine function of the known sites' values.
        """
        loc, scale = broadcast_all(fn.loc, fn.scale)
        noise = scale.reshape(-1).square().diag()
        if not self.values or not loc.requires_grad:
            return loc.reshape(-1), noise, loc.new_zeros(self.mean.numel(), loc.numel())
        slope = jacobian(loc, self.values)
        now = torch.cat([value.reshape(-1) for value in self.values])
        cross = self.covariance @ slope.T
        return loc.reshape(-1) + slope @ (self.mean - now), noise + slope @ cross, cross

    def extend(self, name: str, fn: Any, value: torch.Tensor) -> None:
        """Add a latent site."""
        mean, covariance, cross = self.predict(fn)
        self.covariance = torch.cat(
            [torch.cat([self.covariance.to(cross), cross], 1), torch.cat([cross.T, covariance], 1)]
        )
        self.mean = torch.cat([self.mean.to(mean), mean])
        self.names.append(name)
        self.values.append(value)

    def merge(self, other: GaussianBelief) -> None:
        """Add the sites of an independent group."""
        self.names += other.names
        self.values += other.values
        self.mean = torch.cat([self.mean, other.mean])
        self.covariance = torch.block_diag(self.covariance, other.covariance)
        self.log_evidence = self.log_evidence + other.log_evidence

    def absorb(self, fn: Any, x: torch.Tensor, mask: Any) -> None:
        """Take in an observation."""
        x = x.expand(torch.broadcast_shapes(x.shape, fn.batch_shape))
        mean, covariance, cross = self.predict(fn.expand(x.shape))
        seen = torch.as_tensor(True if mask is None else mask).expand(x.shape).reshape(-1)
        rest = x.reshape(-1)[seen] - mean[seen]
        root = torch.linalg.cholesky(covariance[seen][:, seen])
        white = torch.linalg.solve_triangular(root, rest.unsqueeze(-1), upper=False).squeeze(-1)
        gain = torch.linalg.solve_triangular(root, cross[:, seen].T, upper=False)
        two_pi = 2 * torch.pi
        log_det = root.diagonal().log().sum() + 0.5 * rest.numel() * torch.tensor(two_pi).log()
        self.log_evidence = self.log_evidence - 0.5 * white.square().sum() - log_det
        self.mean = self.mean + gain.T @ white
        self.covariance = self.covariance - gain.T @ gain

    def draw(self) -> dict[str, torch.Tensor]:
        """A joint draw from the posterior."""
        variances, axes = torch.linalg.eigh(self.covariance)
        noise = torch.randn_like(self.mean) * variances.clamp(min=0).sqrt()
        parts: Sequence[torch.Tensor] = (self.mean + axes @ noise).split(
            [value.numel() for value in self.values]
        )
        shaped = [part.reshape(v.shape) for part, v in zip(parts, self.values, strict=True)]
        return dict(zip(self.names, shaped, strict=True))


def _masked(values: torch.Tensor, mask: Any, event_dim: int) -> torch.Tensor:
    if mask is None or mask is True:
        return values
    mask = torch.as_tensor(mask)
    return torch.where(mask.reshape(mask.shape + (1,) * event_dim), values, 0.0)
