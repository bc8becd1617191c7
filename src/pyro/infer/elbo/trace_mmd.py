"""Maximum mean discrepancy in place of a divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from pyro.infer.elbo.elbo import ELBO, Estimate, InPlate
from pyro.infer.elbo.finite import first_not_finite
from pyro.infer.elbo.particle_values import values_by_particle
from pyro.infer.elbo.scoring import is_pathwise, log_prob, scored_sites
from pyro.infer.elbo.weights import sum_by_particle
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program
from pyro.poutine.sites import is_auxiliary, is_latent
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace

Kernel = Callable[..., Tensor]


class Trace_MMD(ELBO):  # noqa: N801 (documented name)
    r"""An objective that compares the draws of a guide with those of the prior.

    .. math::
        L = -E_q[\log p(x | z)] + \sum_i \lambda_i \, MMD^2(q(z_i), p(z_i)), \qquad
        MMD^2(q, p) = E k(z, z') + E k(y, y') - 2 E k(z, y)

    with independent :math:`z, z' \sim q` and :math:`y, y' \sim p`. The sum is over the latent sites
    of the guide, each as one vector per particle: plates and event dims are parts of it. All
    expectations are estimated without bias from the particles, so an estimate of a discrepancy may
    be negative. A discrepancy of marginals lets a guide be more certain than a divergence from the
    posterior does: the estimated guide is no approximate posterior in general.

    All sites of the guide must be reparameterised.

    See Zhao, Song and Ermon (2019), *InfoVAE: Balancing Learning and Inference in Variational
    Autoencoders*; Gretton, Borgwardt, Rasch, Schölkopf and Smola (2012), *A Kernel Two-Sample
    Test*, lemma 6.

    :param kernel: A function that takes tensors of shapes ``(n, d)`` and ``(m, d)`` and returns
        the matrix of :math:`k(x_i, y_j)`, of shape ``(n, m)``; or a dict of such by site.
    :param mmd_scale: The weights :math:`\lambda_i`: a number, or a dict by site.
    :param num_particles: How many draws; at least 2.
    :param max_plate_nesting: The number of batch dims that plates may take; found out by default.
    :param max_iarange_nesting: The deprecated name of ``max_plate_nesting``.
    :param vectorize_particles: Run all particles at once.
    :param strict_enumeration_warning: Accepted as by other objectives.
    :param ignore_jit_warnings: Accepted as by other objectives.
    :param retain_graph: Passed on to ``backward``.
    :raises InferenceError: with one particle; for a site without a kernel, or of the guide that is
        not reparameterised; if a kernel returns another shape.

    Example::

        >>> from pyro.infer import Trace_MMD
        >>> def rbf(x, y):
        ...     return (-torch.cdist(x, y).square() / 2).exp()
        >>> def model():
        ...     pyro.sample("z", dist.Normal(0.0, 1.0))
        >>> loss = Trace_MMD(rbf, num_particles=1000)
        >>> near = loss.loss(model, lambda: pyro.sample("z", dist.Normal(0.0, 1.0)))
        >>> far = loss.loss(model, lambda: pyro.sample("z", dist.Normal(2.0, 1.0)))
        >>> abs(near) < 0.02, far > 0.4  # the latter is 2 / sqrt(3) (1 - exp(-2 / 3))
        (True, True)
    """

    def __init__(
        self,
        kernel: Kernel | Mapping[str, Kernel],
        mmd_scale: float | Mapping[str, float] = 1,
        num_particles: int = 10,
        max_plate_nesting: float = math.inf,
        max_iarange_nesting: int | None = None,
        vectorize_particles: bool = True,
        strict_enumeration_warning: bool = True,
        ignore_jit_warnings: bool = False,
        retain_graph: bool | None = None,
    ) -> None:
        if num_particles < 2:
            raise InferenceError(
                f"Trace_MMD compares draws: num_particles must be at least 2, but is "
                f"{num_particles!r}"
            )
        if not (callable(kernel) or isinstance(kernel, Mapping)):
            raise InferenceError(
                f"Trace_MMD: kernel must be a function of two batches of points, or a dict of such "
                f"by site, but got {kernel!r}"
            )
        super().__init__(
            num_particles=num_particles,
            max_plate_nesting=max_plate_nesting,
            max_iarange_nesting=max_iarange_nesting,
            vectorize_particles=vectorize_particles,
            strict_enumeration_warning=strict_enumeration_warning,
            ignore_jit_warnings=ignore_jit_warnings,
            retain_graph=retain_graph,
        )
        self.kernel = kernel
        self.mmd_scale = mmd_scale

    def _estimates(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[tuple[Estimate, float]]:
        count = self.num_particles
        pairs = list(self._get_traces(model, guide, args, kwargs))
        priors = self._prior_traces(model, args, kwargs)
        dim, nesting = self._particle_dim, self.max_plate_nesting
        fits = [
            log_prob(trace, site, nesting)
            for trace, _ in pairs
            for site in scored_sites(trace)
            if site["is_observed"]
        ]
        objective = sum_by_particle(fits, None, 1).sum()  # over particles
        for name in _compared(*pairs[0]):
            drawn = values_by_particle([guided for _, guided in pairs], name, dim)
            prior = values_by_particle(priors, name, dim)
            objective = objective - count * self._scale(name) * self._mmd(name, drawn, prior)
        estimate = Estimate(objective, objective)
        yield estimate, self._value(estimate, first_not_finite(pairs))

    def _prior_traces(
        self, model: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Sequence[Trace]:
        dim = self._particle_dim
        program = model if dim is None else InPlate(self.num_particles, dim)(model)
        runs = self.num_particles if dim is None else 1
        return [TraceMessenger()(program).get_trace(*args, **kwargs) for _ in range(runs)]

    def _scale(self, name: str) -> float:
        if not isinstance(self.mmd_scale, Mapping):
            return self.mmd_scale
        if name not in self.mmd_scale:
            raise InferenceError(f"Trace_MMD: mmd_scale has no number for the site '{name}'")
        return self.mmd_scale[name]

    def _mmd(self, name: str, drawn: Tensor, prior: Tensor) -> Tensor:
        kernel = self.kernel
        if isinstance(kernel, Mapping):
            if name not in kernel:
                raise InferenceError(f"Trace_MMD: there is no kernel for the site '{name}'")
            kernel = kernel[name]
        cross = kernel(drawn, prior)
        wanted = (len(drawn), len(prior))
        if cross.shape != wanted:
            raise InferenceError(
                f"Trace_MMD: the kernel of the site '{name}' must return shape {wanted} for points "
                f"of shapes {tuple(drawn.shape)} and {tuple(prior.shape)}, but returned "
                f"{tuple(cross.shape)}"
            )
        own = _mean_of_pairs(kernel(drawn, drawn)) + _mean_of_pairs(kernel(prior, prior))
        return own - 2 * cross.mean()


def _mean_of_pairs(gram: Tensor) -> Tensor:
    """The mean of what is not on the diagonal."""
    count = len(gram)
    return (gram.sum() - gram.diagonal().sum()) / (count * (count - 1))


def _compared(model_trace: Trace, guide_trace: Trace) -> Iterator[str]:
    for site in scored_sites(guide_trace):
        if not is_latent(site) or is_auxiliary(site) or site["name"] not in model_trace:
            continue
        if not is_pathwise(site):
            raise InferenceError(
                f"Trace_MMD: site '{site['name']}' of the guide is not reparameterised, so that "
                "the kernel gives no gradient"
            )
        yield site["name"]
