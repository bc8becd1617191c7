"""Sites of which several values were drawn, each by a mixture over the sites it depends on."""

from __future__ import annotations

import math

from torch import Tensor

from pyro.infer.elbo.factors import Factor, named, unmasked
from pyro.runtime import Message


def is_drawn(site: Message) -> bool:
    """Whether the values of an enumerated site are draws rather than its support."""
    return site["infer"].get("num_samples") is not None


def log_proposal(site: Message, number: int, max_plate_nesting: int) -> Factor:
    r"""The log density of each draw, times the number of draws.

    Given the sites that a site depends on, draw j was made given one of their values; averaged over
    which, its density is :math:`\bar q(z_j) = \frac{1}{K} \sum_k q(z_j | z'_k)`. See Aitchison
    (2019), *Tensor Monte Carlo: Particle Methods for the GPU Era*, section 3.
    """
    factor = named(site, unmasked(site), max_plate_nesting)
    parents = [
        axis for axis, name in enumerate(factor.names) if isinstance(name, int) and name != number
    ]
    tensor = factor.tensor
    if parents:
        count = math.prod(tensor.shape[axis] for axis in parents)
        tensor = tensor.logsumexp(parents, keepdim=True) - math.log(count)
    names = tuple(None if axis in parents else name for axis, name in enumerate(factor.names))
    return factor._replace(tensor=tensor + math.log(site["infer"]["num_samples"]), names=names)


def dice(site: Message, log_density: Tensor) -> Tensor:
    """Zero, with the gradient of the log density if draws are not differentiable."""
    if site["fn"].has_rsample:
        return log_density.new_zeros(())
    return log_density - log_density.detach()
