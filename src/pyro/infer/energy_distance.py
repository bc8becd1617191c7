"""The energy distance between predictions and data."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyro.infer.elbo.elbo import InPlate
from pyro.infer.elbo.scoring import is_pathwise, log_prob, scored_sites
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program, guess_max_plate_nesting
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_factor, is_latent
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.uncondition_messenger import UnconditionMessenger
from pyro.runtime import Message


class EnergyDistance:
    r"""A loss that needs draws of the likelihood, not its density.

    Predictions :math:`X` are drawn for draws :math:`Z` of the guide, and compared with the data
    :math:`x`:

    .. math::
        L = E \|X - x\|^\beta - \tfrac12 E \|X - X'\|^\beta - \lambda E \log p(Z)

    where :math:`X, X'` are independent. All observed sites of the model, with their plates, are
    one vector. The score is strictly proper where :math:`E \|X\|^\beta` is finite: with
    :math:`\lambda = 0` the predictions that the guide brings about tend to the law of the data, not
    the guide to a posterior.

    The guide and the observed sites must be reparameterised. Parameters of the prior are trained if
    ``prior_scale`` is positive.

    See Székely and Rizzo (2003), *Energy Statistics: A Class of Statistics Based on Distances*;
    Gneiting and Raftery (2007), *Strictly Proper Scoring Rules, Prediction, and Estimation*,
    section 4.

    :param beta: The exponent, between 0 and 2; small where tails are heavy.
    :param prior_scale: The weight :math:`\lambda \ge 0` of the prior.
    :param num_particles: How many draws; at least 2.
    :param max_plate_nesting: The number of batch dims that plates may take; found out by default.
    :raises InferenceError: if a number is out of its range, if nothing is observed, or a site is
        not reparameterised.

    Example::

        >>> from pyro.infer import SVI, EnergyDistance
        >>> data = torch.linspace(-1.0, 1.0, 20) + 3
        >>> def model():
        ...     z = pyro.sample("z", dist.Normal(0.0, 10.0))
        ...     with pyro.plate("data", 20):
        ...         pyro.sample("x", dist.Stable(1.7, 0.0, 0.5, z), obs=data)
        >>> def guide():
        ...     pyro.sample("z", dist.Delta(pyro.param("loc", torch.tensor(0.0))))
        >>> loss = EnergyDistance(num_particles=4)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), loss)
        >>> losses = [svi.step() for _ in range(150)]
        >>> abs(pyro.param("loc").item() - 3.0) < 0.5
        True
    """

    def __init__(
        self,
        beta: float = 1.0,
        prior_scale: float = 0.0,
        num_particles: int = 2,
        max_plate_nesting: float = math.inf,
    ) -> None:
        if not 0 < beta < 2:
            raise InferenceError(f"EnergyDistance: beta must be between 0 and 2, but is {beta!r}")
        if not prior_scale >= 0:
            raise InferenceError(
                f"EnergyDistance: prior_scale must not be negative, but is {prior_scale!r}"
            )
        if num_particles < 2:
            raise InferenceError(
                f"EnergyDistance: num_particles must be at least 2, but is {num_particles!r}"
            )
        self.beta = beta
        self.prior_scale = prior_scale
        self.num_particles = num_particles
        self.max_plate_nesting = max_plate_nesting

    def __call__(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> Tensor:
        """An estimate of the loss, a scalar with gradients."""
        return self.differentiable_loss(model, guide, *args, **kwargs)

    def loss(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """An estimate of the loss, a float."""
        with torch.no_grad():
            return self.differentiable_loss(model, guide, *args, **kwargs).item()

    def loss_and_grads(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """An estimate of the loss; accumulates gradients in the parameters of model and guide."""
        loss = self.differentiable_loss(model, guide, *args, **kwargs)
        if loss.requires_grad:
            loss.backward()
        return loss.item()

    def differentiable_loss(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> Tensor:
        """An estimate of the loss, a scalar with gradients."""
        if self.max_plate_nesting == math.inf:
            self.max_plate_nesting = guess_max_plate_nesting(model, guide, args, kwargs)
        dim = -1 - int(self.max_plate_nesting)
        predicted = self._predictions(model, guide, args, kwargs, dim)
        count = self.num_particles
        first, second = torch.triu_indices(count, count, 1)
        to_data = between = torch.zeros(())
        for site in _observed(predicted):
            obs, weight = site["infer"]["obs"], _weight(site)
            values = _rows(site, site["value"], dim, count)
            to_data = to_data + _rows(site, weight * (site["value"] - obs) ** 2, dim, count).sum(-1)
            gaps = (values[first] - values[second]) ** 2
            between = between + (_rows(site, weight, dim, count)[:1] * gaps).sum(-1)
        loss = self._power(to_data).mean() - 0.5 * self._power(between).mean()
        if self.prior_scale > 0:
            terms = [
                log_prob(predicted, site, -dim)
                for site in scored_sites(predicted)
                if is_latent(site) and not site["infer"].get("was_observed")
            ]
            prior = sum((term.sum() for term in terms), torch.zeros(()))
            loss = loss - self.prior_scale * prior / count
        return loss

    def _predictions(
        self,
        model: Program,
        guide: Program,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        dim: int,
    ) -> Trace:
        """The model's trace at draws of the guide, with its observed sites drawn too."""
        in_plate = InPlate(self.num_particles, dim)
        with TraceMessenger() as guided:
            in_plate(guide)(*args, **kwargs)
        with TraceMessenger() as predicted, ReplayMessenger(guided.trace), UnconditionMessenger():
            in_plate(model)(*args, **kwargs)
        _check([s for s in scored_sites(guided.trace) if is_latent(s)], "of the guide")
        observed = _observed(predicted.trace)
        if not observed:
            raise InferenceError("EnergyDistance compares predictions: the model observes nothing")
        _check(observed, "that is observed")
        return predicted.trace

    def _power(self, squares: Tensor) -> Tensor:
        """A distance to the power beta, with a finite gradient where it is zero."""
        return squares.clamp(min=torch.finfo(squares.dtype).tiny) ** (self.beta / 2)


def _observed(trace: Trace) -> list[Message]:
    return [s for s in scored_sites(trace) if s["infer"].get("was_observed") and not is_factor(s)]


def _check(sites: list[Message], which: str) -> None:
    for site in sites:
        if not is_pathwise(site):
            raise InferenceError(
                f"EnergyDistance needs gradients of draws, but site '{site['name']}' {which} is "
                "not reparameterised"
            )


def _weight(site: Message) -> Tensor:
    """The scale of a site, and zero where it is masked, of the shape of its value."""
    value, mask = site["value"], site["mask"]
    event = (1,) * site["fn"].event_dim
    parts = (site["scale"], 1.0 if mask is None else mask)
    batch = torch.ones(())
    for part in parts:
        batch = batch * torch.as_tensor(part).to(value)
    return batch.reshape(batch.shape + event).expand(value.shape)


def _rows(site: Message, tensor: Tensor, dim: int, count: int) -> Tensor:
    return tensor.movedim(dim - site["fn"].event_dim, 0).reshape(count, -1)
