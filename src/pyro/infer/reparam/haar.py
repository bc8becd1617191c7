"""Sequences as sums of wavelets."""

from __future__ import annotations

from pyro.distributions.transforms.haar import HaarTransform
from pyro.infer.reparam.unit_jacobian import rewrite_by_transform
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class HaarReparam(Reparam):
    """Write a sequence in Haar wavelets, as ``<name>_haar``.

    Each coefficient says how two neighbouring stretches differ, so a few move all of a long
    sequence (Mallat 2009, *A Wavelet Tour of Signal Processing*, section 7.2). Observed sites may
    be rewritten too.

    :param dim: The dim of time, negative, counted from the right of the value.
    :param flip: Whether time is reversed first.
    :param experimental_allow_batch: Whether ``dim`` may be a batch dim; see
        :class:`UnitJacobianReparam`.
    :raises ReparamError: if ``dim`` is not an event dim, unless allowed.
    :raises ValueError: if ``dim`` is not negative.

    Example::

        >>> from pyro.infer.reparam import HaarReparam
        >>> def model():
        ...     with pyro.plate("time", 8):
        ...         return pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> config = {"x": HaarReparam(experimental_allow_batch=True)}
        >>> trace = poutine.trace(poutine.reparam(model, config)).get_trace()
        >>> trace.nodes["x_haar"]["fn"].event_shape
        torch.Size([8])
    """

    def __init__(
        self, dim: int = -1, flip: bool = False, *, experimental_allow_batch: bool = False
    ) -> None:
        self.transform = HaarTransform(dim=dim, flip=flip, cache_size=1)
        self.experimental_allow_batch = experimental_allow_batch

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_haar``."""
        return rewrite_by_transform(
            self, msg, self.transform, "haar", self.experimental_allow_batch
        )
