"""Independent normals in unconstrained space, by running the model."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyro.infer.autoguide.normal_sites import NormalSites


class AutoNormalMessenger(NormalSites):
    """The mean-field family of :class:`AutoNormal`, by running the model under the guide.

    It follows control flow, supports and data sizes of each run; a step runs the model twice.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial locations.
    :param init_scale: The initial standard deviation of each unconstrained coordinate.
    :param amortized_plates: Plates over which parameters are shared.

    Example::

        >>> from pyro.infer.autoguide import AutoNormalMessenger
        >>> def model(y):
        ...     mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", len(y)):
        ...         z = pyro.sample("z", dist.LogNormal(mu, 1.0))
        ...         pyro.sample("y", dist.Normal(z, 1.0), obs=y)
        >>> guide = AutoNormalMessenger(model, amortized_plates=("data",))
        >>> guide(torch.ones(5))["z"].shape, guide(torch.ones(7))["z"].shape
        (torch.Size([5]), torch.Size([7]))
        >>> [(name, tuple(p.shape)) for name, p in guide.named_parameters()]
        [('locs.mu_unconstrained', ()), ('locs.z_unconstrained', (1,)),
         ('scales.mu_unconstrained', ()), ('scales.z_unconstrained', (1,))]
    """

    def _loc_scale(self, name: str, prior: Any) -> tuple[Tensor, Tensor]:
        return self._site_params(name, prior, lambda initial: initial)
