"""Directions as normal vectors of any length."""

from __future__ import annotations

from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.distributions.projected_normal import ProjectedNormal
from pyro.infer.reparam.rewriting import function_of, peel_to, require_latent
from pyro.ops.directions import unit_vector
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class ProjectedNormalReparam(Reparam):
    r"""Write a ProjectedNormal direction as :math:`z / |z|`, :math:`z \sim N(\mu, I)`.

    The auxiliary site ``<name>_normal`` is a vector of the whole space, which has no seam as
    coordinates of a sphere have. Hernandez-Stumpfhauser, Breidt and van der Woerd (2017), *The
    General Projected Normal Distribution of Arbitrary Dimension*, section 2.

    :raises ReparamError: at a site that is observed or of another family.

    Example::

        >>> from pyro.infer.reparam import ProjectedNormalReparam
        >>> def model():
        ...     return pyro.sample("x", dist.ProjectedNormal(torch.tensor([1.0, 0.0])))
        >>> reparam_model = poutine.reparam(model, {"x": ProjectedNormalReparam()})
        >>> poutine.trace(reparam_model).get_trace().stochastic_nodes
        ['x_normal']
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_normal``."""
        require_latent(msg, self)
        fn, wrap = peel_to(msg, self, ProjectedNormal)
        mu = fn.concentration

        def likeliest(x: Tensor) -> Tensor:
            """The likeliest vector of a direction: its length maximises r^(n-1) N(rx; mu, I)."""
            along = (mu * x).sum(-1, keepdim=True)
            length: Tensor = (along + (along.square() + 4 * (mu.shape[-1] - 1)).sqrt()) / 2
            return x * length.clamp(min=0.1)

        normal = wrap(Normal(mu, 1.0).to_event(1))
        return function_of(msg, f"{msg['name']}_normal", normal, unit_vector, likeliest)
