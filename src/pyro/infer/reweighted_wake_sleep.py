"""Reweighted wake-sleep."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyro.infer import validation
from pyro.infer.elbo.elbo import ELBO, InPlate, Traces
from pyro.infer.elbo.finite import first_not_finite, warn_not_finite
from pyro.infer.elbo.weights import weigh
from pyro.infer.errors import InferenceError
from pyro.infer.not_finite import is_read
from pyro.infer.prototype import Program
from pyro.infer.sleep import Detached, dream, interpret, log_guide


class ReweightedWakeSleep(ELBO):
    r"""A loss for the model and one for the guide, neither of which needs gradients of draws.

    With draws :math:`z_k` of the guide, :math:`w_k = p_\theta(x, z_k) / q_\phi(z_k | x)` and
    :math:`\bar w_k = w_k / \sum_j w_j`, and dreams :math:`(x_s, z_s)` of the model, the losses are

    .. math::
        L_\theta = -\log \frac{1}{K} \sum_k w_k, \qquad
        L_\phi = -\lambda \sum_k \bar w_k \log q_\phi(z_k | x)
        - (1 - \lambda) \frac{1}{S} \sum_s \log q_\phi(z_s | x_s)

    where only :math:`\theta` moves the first, and only :math:`\phi` the second (draws and weights
    count as constants there). The first is the importance weighted bound. The terms of the second
    are the wake and the sleep update of the guide: they minimise the divergence from the posterior
    to the guide. Since draws are not differentiated, discrete sites and stochastic branches need
    neither baselines nor relaxation.

    For sleep, the model and the guide take a keyword argument ``observations``, a dict from names
    of observed sites to values, and the guide depends on the data through it alone:
    ``svi.step(observations={"x": x})``.

    Data cannot be subsampled by plates.

    See Bornschein and Bengio (2015), *Reweighted Wake-Sleep*; Le, Kosiorek, Siddharth, Teh and Wood
    (2019), *Revisiting Reweighted Wake-Sleep for Models with Stochastic Control Flow*.

    :param num_particles: The number K of draws of the guide.
    :param insomnia: The weight :math:`\lambda` of the wake update, from 0 to 1.
    :param model_has_params: Whether the model has parameters to be trained. Without them, and with
        ``insomnia=0``, the guide is not drawn from, and the first loss is reported as 0.
    :param num_sleep_particles: The number S of dreams; by default K.
    :param vectorize_particles: Run all particles at once.
    :param max_plate_nesting: The number of batch dims that plates may take; found out by default.
    :param strict_enumeration_warning: Accepted as by other objectives.
    :raises InferenceError: if ``insomnia`` is not in [0, 1], or a number of particles is less
        than 1.

    Example::

        >>> from pyro.infer import SVI, ReweightedWakeSleep
        >>> def model(observations):
        ...     z = pyro.sample("z", dist.Bernoulli(0.5))
        ...     pyro.sample("x", dist.Bernoulli(0.1 + 0.8 * z), obs=observations["x"])
        >>> def guide(observations):
        ...     logit = pyro.param("logit", torch.zeros(2))[observations["x"].long()]
        ...     pyro.sample("z", dist.Bernoulli(logits=logit))
        >>> loss = ReweightedWakeSleep(insomnia=0.0, num_sleep_particles=100)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), loss)
        >>> losses = [svi.step(observations={"x": torch.tensor(1.0)}) for _ in range(200)]
        >>> bool((pyro.param("logit").sigmoid() - torch.tensor([0.1, 0.9])).abs().max() < 0.1)
        True
    """

    def __init__(
        self,
        num_particles: int = 2,
        insomnia: float = 1.0,
        model_has_params: bool = True,
        num_sleep_particles: int | None = None,
        vectorize_particles: bool = True,
        max_plate_nesting: float = math.inf,
        strict_enumeration_warning: bool = True,
    ) -> None:
        if not 0 <= insomnia <= 1:
            raise InferenceError(f"insomnia must be from 0 to 1, but got {insomnia!r}")
        sleeping = num_particles if num_sleep_particles is None else num_sleep_particles
        if sleeping < 1:
            raise InferenceError(f"num_sleep_particles must be at least 1, but got {sleeping!r}")
        super().__init__(
            num_particles=num_particles,
            max_plate_nesting=max_plate_nesting,
            vectorize_particles=vectorize_particles,
            strict_enumeration_warning=strict_enumeration_warning,
        )
        self.insomnia = insomnia
        self.model_has_params = model_has_params
        self.num_sleep_particles = sleeping

    def loss(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> Any:
        """Estimates of the losses of the model and of the guide, two floats."""
        losses = self.differentiable_losses(model, guide, *args, **kwargs)
        return tuple(loss.item() for loss in losses)

    def loss_and_grads(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> Any:
        """The two losses; accumulates their gradients in the parameters of model and guide."""
        losses = self.differentiable_losses(model, guide, *args, **kwargs)
        total = losses[0] + losses[1]
        if total.requires_grad:
            total.backward(retain_graph=self.retain_graph)
        return tuple(loss.item() for loss in losses)

    def differentiable_loss(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> Tensor:
        """The sum of the two losses as a tensor, whose gradient is that of both."""
        theta, phi = self.differentiable_losses(model, guide, *args, **kwargs)
        return theta + phi

    def differentiable_losses(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """The two losses as tensors."""
        theta = phi = torch.zeros(())
        if self.insomnia > 0 or self.model_has_params:
            theta, phi = self._wake(model, guide, args, kwargs)
            phi = self.insomnia * phi if self.insomnia else phi.detach() * 0
        if self.insomnia < 1:
            phi = phi + (1 - self.insomnia) * self._sleep(model, guide, args, kwargs)
        return theta, phi

    def _wake(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        pairs = list(self._get_traces(model, guide, args, kwargs))
        nesting = self.max_plate_nesting
        weights = weigh(pairs, self._particle_dim, self.num_particles, nesting)
        log_w = weights.log_p - weights.log_q.detach()
        theta = math.log(self.num_particles) - log_w.logsumexp(-1)
        if not self.model_has_params:
            theta = theta.detach()
        phi = -(log_w.detach().softmax(-1) * weights.log_q).sum()
        is_seen = validation.VALIDATE and is_read()
        if is_seen and not bool((theta + phi).detach().isfinite()):
            warn_not_finite((theta + phi).item(), *first_not_finite(pairs))
        return theta, phi

    def _get_trace(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Traces:
        with Detached():  # around the traces, which record the value as it is then
            return super()._get_trace(model, guide, args, kwargs)

    def _sleep(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        count = self.num_sleep_particles
        if not self.vectorize_particles or count == 1:
            dreams = [dream(model, args, kwargs) for _ in range(count)]
            read = [interpret(dreamt, guide, args, kwargs) for dreamt in dreams]
            return -sum((log_guide(t, self._own_nesting) for t in read), torch.zeros(())) / count
        if self.max_plate_nesting == math.inf:
            self._look(model, guide, args, kwargs)
        dim = -1 - int(self._own_nesting)
        in_plate = InPlate(count, dim)
        dreamt = dream(in_plate(model), args, kwargs)
        return -log_guide(interpret(dreamt, in_plate(guide), args, kwargs), -dim) / count

    @property
    def _own_nesting(self) -> float:
        """The depth of the plates of model and guide, without that of the particles."""
        return self.max_plate_nesting - int(self._particle_dim is not None)
