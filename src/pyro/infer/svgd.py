"""Stein variational gradient descent."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import biject_to

from pyro.infer.check_optim import check_optim
from pyro.infer.checks import check_site_shape
from pyro.infer.elbo.elbo import InPlate
from pyro.infer.elbo.scoring import log_prob, scored_sites
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program
from pyro.infer.stein_kernels import IMQSteinKernel, RBFSteinKernel, SteinKernel
from pyro.optim.forms import OptimForm
from pyro.params.param_store import PARAM_STORE
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace

__all__ = ["SVGD", "IMQSteinKernel", "RBFSteinKernel", "SteinKernel"]

_NAME = "svgd_particles"


class _Block(NamedTuple):
    """The coordinates of one site among those of a particle."""

    columns: slice
    shape: torch.Size
    transform: Any


class SVGD:
    r"""Particles that are moved together until they resemble draws of the posterior.

    Each particle is a point in the unconstrained space of all latent sites, drawn from the prior
    at first. A step follows the direction (with the mode "multivariate")

    .. math::
        \phi(x_m) = \frac{1}{N} \sum_n k(x_n, x_m) \nabla \log p(x_n) + \nabla_{x_n} k(x_n, x_m)

    which pulls particles to where the posterior is dense, and keeps them apart. With the mode
    "univariate" the kernel of a coordinate is that of the coordinate alone.

    The particles are the parameter ``"svgd_particles"``, of shape ``(num_particles, dimension)``;
    parameters of the model are left alone.

    See Liu and Wang (2016), *Stein Variational Gradient Descent: A General Purpose Bayesian
    Inference Algorithm*; Singhal, Han, Lahlou and Ranganath (2019), *Kernelized Complete
    Conditional Stein Discrepancy* (the univariate mode).

    :param model: Its latent sites must be continuous, and all its batch dims those of plates.
    :param kernel: A :class:`SteinKernel`.
    :param optim: An optimiser, as in :class:`~pyro.infer.SVI`; none that needs closures.
    :param num_particles: The number N of particles.
    :param max_plate_nesting: The number of batch dims that plates of the model take.
    :param mode: "univariate" or "multivariate".
    :raises InferenceError: if an argument is something else, or a latent site is discrete.

    Example::

        >>> from pyro.infer import SVGD, RBFSteinKernel
        >>> def model(x):
        ...     z = pyro.sample("z", dist.Gamma(3.0, 1.0))
        ...     pyro.sample("x", dist.Poisson(z), obs=x)
        >>> svgd = SVGD(model, RBFSteinKernel(), pyro.optim.Adam({"lr": 0.1}), 50, 0)
        >>> for _ in range(200):
        ...     squared_gradients = svgd.step(torch.tensor(5.0))
        >>> particles = svgd.get_named_particles()["z"]
        >>> particles.shape, abs(particles.mean().item() - 4.0) < 0.2  # the posterior mean is 4
        (torch.Size([50]), True)
    """

    def __init__(
        self,
        model: Program,
        kernel: SteinKernel,
        optim: OptimForm,
        num_particles: int,
        max_plate_nesting: int,
        mode: str = "univariate",
    ) -> None:
        self.optim = check_optim(optim)
        if not isinstance(kernel, SteinKernel):
            raise InferenceError(
                f"SVGD: kernel must be a SteinKernel such as RBFSteinKernel(), but got {kernel!r}"
            )
        if num_particles < 1:
            raise InferenceError(f"SVGD: num_particles must be at least 1, not {num_particles!r}")
        if mode not in ("univariate", "multivariate"):
            raise InferenceError(
                f"SVGD: mode must be one of (univariate, multivariate), but is {mode!r}"
            )
        self.model = model
        self.kernel = kernel
        self.num_particles = num_particles
        self.max_plate_nesting = max_plate_nesting
        self.mode = mode
        self._dim = -1 - max_plate_nesting
        self._prior: Trace | None = None
        self._blocks: dict[str, _Block] = {}

    def step(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Move the particles; the arguments are those of the model.

        :return: The mean square of the direction, for each site.
        """
        if self._prior is None:
            self._set_up(args, kwargs)
        leaf = self._leaf()
        direction = self._direction(leaf.detach(), self._score(leaf, args, kwargs))
        leaf.grad = -direction
        self.optim([leaf])
        leaf.grad = None
        squares = direction.square()
        return {n: squares[:, block.columns].mean().item() for n, block in self._blocks.items()}

    def get_named_particles(self) -> dict[str, Tensor]:
        """The particles as values of the latent sites, with the particles leftmost.

        :raises InferenceError: before the first step.
        """
        if self._prior is None:
            raise InferenceError("SVGD: there are no particles yet, take a step first")
        with torch.no_grad():
            return {name: value for name, (value, _) in self._values(self._leaf()).items()}

    def _leaf(self) -> Tensor:
        return PARAM_STORE.unconstrained(_NAME)

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trace:
        in_plate = InPlate(self.num_particles, self._dim)
        return TraceMessenger()(in_plate(self.model)).get_trace(*args, **kwargs)

    def _set_up(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Draw the particles from the prior, or take them over from the parameter store."""
        with torch.no_grad():
            trace = self._run(args, kwargs)
        parts, start = [], 0
        for site in scored_sites(trace):
            if not is_latent(site):
                continue
            name, fn = site["name"], site["fn"]
            if fn.support.is_discrete:
                raise InferenceError(
                    f"SVGD moves particles along gradients, but the latent site '{name}' is "
                    "discrete; marginalise it, for instance with poutine.collapse or a mixture"
                )
            log_prob(trace, site, -self._dim)
            check_site_shape(site, -self._dim)
            transform = biject_to(fn.support)
            value = transform.inv(site["value"])
            flat = value.reshape(self.num_particles, -1)
            self._blocks[name] = _Block(slice(start, start + flat.shape[1]), value.shape, transform)
            start += flat.shape[1]
            parts.append(flat)
        if not parts:
            raise InferenceError("SVGD: the model has no latent sites")
        wanted = (self.num_particles, start)
        if _NAME not in PARAM_STORE:
            PARAM_STORE.setdefault(_NAME, torch.cat(parts, -1))
        found = self._leaf().shape
        if found != wanted:
            raise InferenceError(
                f"SVGD: the parameter '{_NAME}' has shape {tuple(found)}, but the model needs "
                f"{wanted}. It may be that of another model: call pyro.clear_param_store() first."
            )
        self._prior = trace

    def _values(self, leaf: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """For each site its values, and the log-determinants of their transforms."""
        result = {}
        for name, block in self._blocks.items():
            free = leaf[:, block.columns].reshape(block.shape)
            value = block.transform(free)
            result[name] = value, block.transform.log_abs_det_jacobian(free, value)
        return result

    def _score(self, leaf: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """The gradient of the log-density of each particle in the unconstrained space."""
        assert self._prior is not None
        given = Trace()
        log_density = torch.zeros(())
        for name, (value, log_det) in self._values(leaf).items():
            given.nodes[name] = site = self._prior.nodes[name].copy()
            site["value"] = value
            log_density = log_density + log_det.sum()
        with ReplayMessenger(given):
            trace = self._run(args, kwargs)
        for site in scored_sites(trace):
            log_density = log_density + log_prob(trace, site, -self._dim).sum()
        (score,) = torch.autograd.grad(log_density, leaf)
        return score

    def _direction(self, particles: Tensor, score: Tensor) -> Tensor:
        log_kernel, slope = self.kernel.log_kernel_and_grad(particles)
        if self.mode == "multivariate":
            log_kernel = log_kernel.sum(-1, keepdim=True)
        pulls = score.unsqueeze(1) + slope
        return (log_kernel.exp() * pulls).mean(0)
