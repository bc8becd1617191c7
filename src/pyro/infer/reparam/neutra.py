"""Neural transport: all latent variables in the coordinates of a trained guide."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import biject_to
from torch.distributions import constraints as tc

from pyro.infer.reparam.errors import ReparamError
from pyro.infer.reparam.measure import Measure
from pyro.infer.reparam.outside import count_volume, is_inside, once_in_a_run, outside_of_the_model
from pyro.infer.reparam.rewriting import auxiliary, refusal, unchanged
from pyro.ops.shapes import sum_rightmost
from pyro.poutine.reparam_messenger import (
    Reparam,
    ReparamMessage,
    ReparamMessenger,
    ReparamResult,
    rewriting,
)


class NeuTraReparam(Reparam):
    r"""Write all latent variables as the transform, learned by a guide, of one vector.

    With :math:`x = T(z)`, in the unconstrained space of the model, the auxiliary site
    ``<first site>_shared_latent`` has the density :math:`p(T(z))\,|\det T'(z)|`, which is close to
    the base distribution of a good guide: what a sampler likes. Its draws without data are those of
    the guide. Hoffman et al. (2019), *NeuTra-lizing Bad Geometry in Hamiltonian Monte Carlo Using
    Neural Transport*.

    All sites share one instance, given for every site::

        neutra = NeuTraReparam(guide)
        model = neutra.reparam(model)  # poutine.reparam(model, config=lambda _: neutra)

    The model must have a static structure. Observed sites are left alone. Initial values of the
    sites are not used; the auxiliary site is initialised.

    :param guide: A trained continuous autoguide, such as ``AutoIAFNormal``.
    :raises ReparamError: if the guide has not been trained or run, or if a run of the model lacks
        or repeats a site.
    :raises TypeError: if ``guide`` is no continuous autoguide.
    """

    takes_initial_value: ClassVar[bool] = False

    def __init__(self, guide: Any) -> None:
        needed = ("get_transform", "get_base_dist", "_unpack_latent")
        if not all(hasattr(guide, name) for name in needed):
            raise TypeError(
                "NeuTraReparam expects an AutoContinuous guide (AutoNormalizingFlow, "
                f"AutoMultivariateNormal, ...), but got {type(guide).__name__}"
            )
        self.guide = guide

    def reparam(self, fn: Callable[..., Any] | None = None) -> Any:
        """The model in new coordinates, or a handler that makes it."""
        handler = ReparamMessenger(config=lambda _: self)
        return handler if fn is None else handler(fn)

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the shared site at the first latent site of a run; hand its parts to all."""
        name, fn = msg["name"], msg["fn"]
        handler = rewriting()[-1][0]
        if is_inside(self) or name not in self._latents(msg) or msg["is_observed"]:
            return unchanged(msg)
        with outside_of_the_model(handler):
            draw = functools.partial(self._draw, name, handler.args_kwargs)
            parts: dict[str, Tensor] = once_in_a_run(self, msg, draw)
            if name not in parts:
                raise refusal(msg, self, "meets the site a second time in one run")
            value = self._constrain(name, fn, parts.pop(name))
        return {"fn": fn, "value": value, "is_observed": True}

    def transform_sample(self, latent: Tensor) -> dict[str, Tensor]:
        """The values of the sites of the original model.

        :param latent: Draws of the shared site, of shape ``batch_shape + (latent_dim,)``; batch
            dims must not collide with the plates of the model (keep them left of these).
        :return: Constrained values by name of site.
        :raises ReparamError: if supports depend on other sites.
        """
        if getattr(self.guide, "_moving", ()):
            raise ReparamError(
                "NeuTraReparam.transform_sample: the supports of "
                f"{sorted(self.guide._moving)} depend on other sites, so their values are those of "
                "a run of the model: use Predictive(reparam_model, samples)"
            )
        with torch.no_grad():
            x = self._transform(None)(latent)
            found = {}
            for site, unconstrained in self.guide._unpack_latent(x):
                found[site["name"]] = biject_to(site["fn"].support)(unconstrained)
        return found

    def _latents(self, msg: ReparamMessage) -> Any:
        trace = self.guide.prototype_trace
        if trace is None:
            raise refusal(msg, self, "needs a trained guide: run guide(*args) once at least")
        return trace.nodes

    def _transform(self, args_kwargs: Any) -> Any:
        args, kwargs = args_kwargs or ((), {})
        return self.guide.get_transform(*args, **kwargs)

    def _draw(self, name: str, args_kwargs: Any) -> dict[str, Tensor]:
        """The shared vector, and what of it belongs to which site."""
        transform = self._transform(args_kwargs).with_cache()

        def log_volume(z: Tensor) -> Tensor:
            log_det = transform.log_abs_det_jacobian(z, transform(z))
            total: Tensor = sum_rightmost(log_det, log_det.dim() - z.dim() + 1)
            return total

        law = Measure(self.guide.get_base_dist(), tc.real_vector, log_volume)
        z = auxiliary(f"{name}_shared_latent", law, None)
        return {site["name"]: part for site, part in self.guide._unpack_latent(transform(z))}

    def _constrain(self, name: str, fn: Any, unconstrained: Tensor) -> Tensor:
        """The value of a site; the volume of its constraint is counted in a site of its own."""
        transform = biject_to(fn.support)
        value: Tensor = transform(unconstrained)
        if fn.support in (tc.real, tc.real_vector):
            return value
        log_det = transform.log_abs_det_jacobian(unconstrained, value)
        batch_dim = value.dim() - fn.event_dim
        count_volume(name, sum_rightmost(log_det, log_det.dim() - batch_dim))
        return value
