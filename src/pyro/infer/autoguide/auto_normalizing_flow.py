"""A normal law that goes through a learned, invertible network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from pyro.infer.autoguide.auto_continuous import AutoContinuous, standard_normal
from pyro.infer.autoguide.held_model import Model


class AutoNormalizingFlow(AutoContinuous):
    r"""A flow of a standard normal law: :math:`u = f_\theta(\epsilon),\; \epsilon \sim N(0, I)`.

    The parameters are those of the flow, at ``transform``. A state dict can be loaded into it once
    it has seen its model (:meth:`setup`), or before: then the flow is made in the first call and
    takes over what was loaded. See Rezende and Mohamed (2015), *Variational Inference with
    Normalizing Flows*.

    :param model: A function that calls ``pyro.sample``.
    :param init_transform_fn: Makes the flow from the number of coordinates.

    Example::

        >>> import functools
        >>> from pyro.infer import SVI, Trace_ELBO
        >>> from pyro.infer.autoguide import AutoNormalizingFlow
        >>> def model():
        ...     x = pyro.sample("x", dist.Normal(0.0, 1.0))
        ...     pyro.sample("y", dist.Normal(x**2, 0.5))
        >>> flow = functools.partial(dist.transforms.spline_autoregressive, count_bins=4)
        >>> guide = AutoNormalizingFlow(model, flow)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.01}), Trace_ELBO(num_particles=8))
        >>> losses = [svi.step() for _ in range(60)]
        >>> sum(losses[-20:]) < sum(losses[:20])
        True
    """

    transform: Any

    def __init__(self, model: Model, init_transform_fn: Callable[[int], Any]) -> None:
        super().__init__(model)
        self._init_transform_fn = init_transform_fn
        self.register_buffer("_like", None, persistent=False)

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self._like = torch.zeros_like(self._init_loc())
        self.transform = self._init_transform_fn(self.latent_dim)
        if isinstance(self.transform, nn.Module):
            self.transform.to(self._like.device, self._like.dtype)

    def get_base_dist(self) -> Any:
        """The standard normal law."""
        like: Any = self._like
        return standard_normal(like)

    def get_transform(self, *args: Any, **kwargs: Any) -> Any:
        """The flow."""
        return self.transform
