"""Sequences as sums of cosines."""

from __future__ import annotations

from pyro.distributions.transforms.discrete_cosine import DiscreteCosineTransform
from pyro.infer.reparam.unit_jacobian import rewrite_by_transform
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class DiscreteCosineReparam(Reparam):
    """Write a sequence in the frequency domain, as ``<name>_dct``.

    The frequencies of a stationary or slowly moving sequence are nearly independent in the
    posterior, where its entries are not (Ahmed, Natarajan and Rao 1974, *Discrete Cosine
    Transform*). Observed sites may be rewritten too.

    :param dim: The dim of time, negative, counted from the right of the value.
    :param smooth: 0 for white noise, 1 for Brownian motion: which spectrum becomes flat.
    :param experimental_allow_batch: Whether ``dim`` may be a batch dim; see
        :class:`UnitJacobianReparam`.
    :raises ReparamError: if ``dim`` is not an event dim, unless allowed.
    :raises ValueError: if ``dim`` is not negative.

    Example::

        >>> from pyro.infer.reparam import DiscreteCosineReparam
        >>> def model():
        ...     return pyro.sample("x", dist.Normal(torch.zeros(5), 1.0).to_event(1))
        >>> reparam_model = poutine.reparam(model, {"x": DiscreteCosineReparam(smooth=1.0)})
        >>> poutine.trace(reparam_model).get_trace().stochastic_nodes
        ['x_dct']
    """

    def __init__(
        self, dim: int = -1, smooth: float = 0.0, *, experimental_allow_batch: bool = False
    ) -> None:
        self.transform = DiscreteCosineTransform(dim=dim, smooth=smooth, cache_size=1)
        self.experimental_allow_batch = experimental_allow_batch

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_dct``."""
        return rewrite_by_transform(self, msg, self.transform, "dct", self.experimental_allow_batch)
