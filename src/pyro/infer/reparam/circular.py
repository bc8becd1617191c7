"""Angles as points of the line."""

from __future__ import annotations

from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.sine_bivariate_von_mises import SineBivariateVonMises
from pyro.distributions.sine_skewed import SineSkewed
from pyro.distributions.torch_real import VonMises
from pyro.infer.reparam.measure import Measure
from pyro.infer.reparam.rewriting import function_of, peel, refusal, require_latent
from pyro.ops.directions import wrap_angle
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult

_FAMILIES = (VonMises, SineBivariateVonMises, SineSkewed)


class CircularReparam(Reparam):
    r"""Write an angle as a point of the line, ``<name>_unwrapped``, modulo :math:`2\pi`.

    The density of the auxiliary site is that of the angle, periodic on the line: a sampler crosses
    :math:`\pi` without noticing. Its integral is infinite, so an evidence lower bound of it is one
    of nothing; the law of the angle is right. Mardia and Jupp (2000), *Directional Statistics*,
    section 3.5.7.

    :raises ReparamError: at a site that is observed, or whose support is not a circle or a torus.

    Example::

        >>> from pyro.infer.reparam import CircularReparam
        >>> def model():
        ...     return pyro.sample("x", dist.VonMises(3.0, 2.0))
        >>> reparam_model = poutine.reparam(model, {"x": CircularReparam()})
        >>> moved = poutine.condition(reparam_model, {"x_unwrapped": torch.tensor(3.5)})
        >>> moved()
        tensor(-2.7832)
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_unwrapped``."""
        require_latent(msg, self)
        fn = msg["fn"]
        entries = fn.support
        while isinstance(entries, type(tc.real_vector)):
            entries = entries.base_constraint
        if entries is not constraints.circular and not isinstance(peel(fn).core, _FAMILIES):
            family = type(peel(fn).core).__name__
            raise refusal(msg, self, f"needs a law of angles, such as VonMises, but got {family}")
        support = tc.independent(tc.real, fn.event_dim) if fn.event_dim else tc.real
        periodic = Measure(fn, support, lambda x: fn.log_prob(wrap_angle(x)))
        name = f"{msg['name']}_unwrapped"
        return function_of(msg, name, periodic, wrap_angle, lambda x: x.clone())
