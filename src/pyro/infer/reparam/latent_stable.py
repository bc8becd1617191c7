"""A latent stable variable as a function of noise without parameters."""

from __future__ import annotations

from torch import Tensor

from pyro.distributions.stable import Stable
from pyro.infer.reparam.rewriting import deterministic, peel_to, require_latent
from pyro.infer.reparam.stable_noise import Noise, draw_noise, noise_of_stable, stable_of_noise
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class LatentStableReparam(Reparam):
    r"""Write a latent Stable as a function of a uniform angle and an exponential number.

    The auxiliary sites, ``<name>_uniform`` on :math:`(-\pi/2, \pi/2)` and ``<name>_exponential``,
    have no parameters. For any skew; :class:`StableReparam` and :class:`SymmetricStableReparam` do
    observed sites. Chambers, Mallows and Stuck (1976), *A Method for Simulating Stable Random
    Variables*.

    :raises ReparamError: at a site that is observed or of another family.

    Example::

        >>> from pyro.infer.reparam import LatentStableReparam
        >>> def model():
        ...     return pyro.sample("x", dist.Stable(1.5, 0.5))
        >>> reparam_model = poutine.reparam(model, {"x": LatentStableReparam()})
        >>> poutine.trace(reparam_model).get_trace().stochastic_nodes
        ['x_uniform', 'x_exponential']
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the sites of the noise."""
        require_latent(msg, self, "use StableReparam or SymmetricStableReparam")
        fn, wrap = peel_to(msg, self, Stable)
        old = msg["value"]
        start = None if old is None else noise_of_stable(fn, old)
        noise = draw_noise(msg["name"], fn.loc, wrap, start)
        value: Tensor
        if old is not None and start is not None and _same(noise, start):
            value = old
        else:
            value = fn._center() + fn.scale * stable_of_noise(fn.stability, fn.skew, noise)
        return deterministic(msg, value)


def _same(a: Noise, b: Noise) -> bool:
    return a.v is b.v and a.w is b.w
