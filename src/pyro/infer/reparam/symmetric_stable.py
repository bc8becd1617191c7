"""A symmetric stable variable as a normal one of unknown variance."""

from __future__ import annotations

import math

from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.distributions.stable import Stable
from pyro.errors import SiteError
from pyro.infer.reparam.rewriting import Wrap, peel_to
from pyro.infer.reparam.stable_noise import draw_noise
from pyro.ops.positive_stable import positive_stable
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class SymmetricStableReparam(Reparam):
    r"""Write a Stable without skew as :math:`N(\mu, 2\sigma^2 A)`, :math:`A` positive stable.

    :math:`A`, of stability :math:`\alpha/2`, is made of the auxiliary sites ``<name>_uniform`` and
    ``<name>_exponential``. For latent and observed sites. Samorodnitsky and Taqqu (1994), *Stable
    Non-Gaussian Random Processes*, proposition 1.3.1.

    :raises ReparamError: at a site of another family.
    :raises SiteError: if the skew is not zero.

    Example::

        >>> from pyro.infer.reparam import SymmetricStableReparam
        >>> def model(data):
        ...     with pyro.plate("data", len(data)):
        ...         return pyro.sample("x", dist.Stable(1.5, 0.0), obs=data)
        >>> reparam_model = poutine.reparam(model, {"x": SymmetricStableReparam()})
        >>> trace = poutine.trace(reparam_model).get_trace(torch.randn(10))
        >>> trace.stochastic_nodes, type(trace.nodes["x"]["fn"]).__name__
        (['data', 'x_uniform', 'x_exponential'], 'Normal')
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the sites of the noise; the site becomes normal."""
        fn, wrap = peel_to(msg, self, Stable)
        if not bool((fn.skew == 0).all()):
            raise SiteError(
                f"at site {msg['name']!r}, SymmetricStableReparam found nonzero skew: use "
                "StableReparam"
            )
        scale = normal_scale(msg["name"], fn.stability, fn.scale, wrap)
        new = wrap(Normal(fn.loc, scale))
        return {"fn": new, "value": msg["value"], "is_observed": bool(msg["is_observed"])}


def normal_scale(name: str, stability: Tensor, scale: Tensor, wrap: Wrap) -> Tensor:
    """The random scale of a normal variable that is symmetric stable of a given scale."""
    noise = draw_noise(name, stability, wrap)
    return scale * math.sqrt(2) * positive_stable(stability / 2, noise.v, noise.w).sqrt()
