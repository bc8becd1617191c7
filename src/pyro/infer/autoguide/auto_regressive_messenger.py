"""Affine transforms of the priors."""

from __future__ import annotations

from typing import Any

from torch.distributions import AffineTransform

from pyro.distributions.torch_composite import TransformedDistribution
from pyro.infer.autoguide.auto_messenger import MEAN_OR_FEASIBLE, unconstrained_event_dim
from pyro.infer.autoguide.constant_law import ConstantLaw, is_constant
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.loc_scale_sites import LocScaleSites
from pyro.infer.autoguide.plans import site_transform
from pyro.infer.model.initialization import Strategy


class AutoRegressiveMessenger(LocScaleSites):
    r"""At each site a learned affine transform of its prior, given upstream values of the guide.

    With the site's bijection :math:`T`, it is :math:`z = T(l + s\, T^{-1}(z_0))` with
    :math:`z_0` drawn from the prior. So the posterior has the dependences that the model declares.
    A subclass may override ``get_posterior`` for some sites, with ``upstream_value``.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses where the initial laws are.
    :param init_scale: The initial :math:`s`; with 1 they are the priors, moved.
    :param amortized_plates: Plates over which parameters are shared.

    Example::

        >>> from pyro.infer.autoguide import AutoRegressiveMessenger
        >>> def model(y=None):
        ...     x = pyro.sample("x", dist.Normal(0.0, 1.0))
        ...     z = pyro.sample("z", dist.LogNormal(x, 1.0))
        ...     pyro.sample("y", dist.Normal(z, 1.0), obs=y)
        >>> class Own(AutoRegressiveMessenger):
        ...     def get_posterior(self, name, prior):
        ...         if name == "z":
        ...             return dist.LogNormal(self.upstream_value("x"), 0.5)
        ...         return super().get_posterior(name, prior)
        >>> sorted(Own(model)(torch.tensor(1.0)))
        ['x', 'y', 'z']
    """

    def __init__(
        self,
        model: Model,
        *,
        init_loc_fn: Strategy = MEAN_OR_FEASIBLE,
        init_scale: float = 1.0,
        amortized_plates: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            model, init_loc_fn=init_loc_fn, init_scale=init_scale, amortized_plates=amortized_plates
        )

    def get_posterior(self, name: str, prior: Any) -> Any:
        """The prior, moved and scaled in unconstrained coordinates."""
        transform = site_transform(name, prior)
        dims = unconstrained_event_dim(prior, transform)
        stays = 1 - self._init_scale  # so that the initial value is mapped to itself
        loc, scale = self._site_params(name, prior, lambda initial: initial * stays)
        if not prior.has_rsample and is_constant(prior):
            prior = ConstantLaw(prior)
        # the score of a draw without gradient needs the way back, which a cache would cut off
        size = int(prior.has_rsample)
        affine = AffineTransform(loc, scale, event_dim=dims, cache_size=size)
        forward, back = transform.with_cache(size), transform.with_cache(size).inv
        return TransformedDistribution(prior, [back, affine, forward])
