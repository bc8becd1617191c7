"""Transformed distributions in the space of their base."""

from __future__ import annotations

import torch.distributions as td
from torch import Tensor

from pyro.infer.reparam.rewriting import function_of, peel_to, require_latent
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult


class TransformReparam(Reparam):
    """Write a transformed variable as the transform of its base variable.

    For latent sites whose posterior has a simpler shape before the transform: a LogNormal of
    unknown parameters, a learned flow. The auxiliary site is ``<name>_base``. Papamakarios et al.
    (2021), *Normalizing Flows for Probabilistic Modeling and Inference*, section 2.1.

    :raises ReparamError: at a site that is observed, or whose distribution is not transformed.

    Example::

        >>> from pyro.infer.reparam import TransformReparam
        >>> def model():
        ...     return pyro.sample("x", dist.LogNormal(0.0, 1.0))
        >>> trace = poutine.trace(poutine.reparam(model, {"x": TransformReparam()})).get_trace()
        >>> bool(trace.nodes["x_base"]["value"].exp() == trace.nodes["x"]["value"])
        True
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the site ``<name>_base``."""
        require_latent(msg, self)
        fn, wrap = peel_to(msg, self, td.TransformedDistribution)
        transforms = list(fn.transforms)
        # torch makes of base batch dims what a transform of vectors acts on
        missing = len(fn.base_dist.batch_shape) - len(fn.batch_shape)
        base = fn.base_dist.to_event(missing) if missing > 0 else fn.base_dist

        def forward(x: Tensor) -> Tensor:
            for transform in transforms:
                x = transform(x)
            return x

        def inverse(y: Tensor) -> Tensor | None:
            try:
                for transform in reversed(transforms):
                    y = transform.inv(y)
            except NotImplementedError:
                return None
            return y

        return function_of(msg, f"{msg['name']}_base", wrap(base), forward, inverse)
