"""Student's law as a normal law of unknown variance."""

from __future__ import annotations

from pyro.distributions.gamma import Gamma
from pyro.distributions.normal import Normal
from pyro.distributions.torch_real import StudentT
from pyro.infer.reparam.rewriting import auxiliary, peel_to
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class StudentTReparam(Reparam):
    r"""Write a StudentT as :math:`N(\mu, \sigma^2 / g)`, :math:`g \sim
    \mathrm{Gamma}(\nu/2, \nu/2)`.

    The auxiliary site is ``<name>_gamma``. For latent and observed sites; with
    :class:`LinearHMMReparam` it makes a state space model with Student noise conditionally
    Gaussian. Lange, Little and Taylor (1989), *Robust Statistical Modeling Using the t
    Distribution*, section 2.

    :raises ReparamError: at a site of another family.

    Example::

        >>> from pyro.infer.reparam import StudentTReparam
        >>> def model():
        ...     return pyro.sample("x", dist.StudentT(3.0, 0.0, 1.0))
        >>> trace = poutine.trace(poutine.reparam(model, {"x": StudentTReparam()})).get_trace()
        >>> trace.stochastic_nodes, type(trace.nodes["x"]["fn"]).__name__
        (['x_gamma', 'x'], 'Normal')
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_gamma``."""
        fn, wrap = peel_to(msg, self, StudentT)
        half = fn.df / 2
        gamma = auxiliary(f"{msg['name']}_gamma", wrap(Gamma(half, half)), None)
        new = wrap(Normal(fn.loc, fn.scale * gamma.rsqrt()))
        return {"fn": new, "value": msg["value"], "is_observed": bool(msg["is_observed"])}
