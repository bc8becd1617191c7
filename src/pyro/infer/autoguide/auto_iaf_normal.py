"""A normal law that goes through inverse autoregressive flows."""

from __future__ import annotations

import functools
from typing import Any

from pyro.distributions.transforms import affine_autoregressive, iterated
from pyro.infer.autoguide.auto_normalizing_flow import AutoNormalizingFlow
from pyro.infer.autoguide.held_model import Model
from pyro.infer.model.initialization import Strategy


class AutoIAFNormal(AutoNormalizingFlow):
    r"""Inverse autoregressive flows of a standard normal law.

    :math:`u_i = \mu_i(\epsilon_{<i}) + \sigma_i(\epsilon_{<i})\,\epsilon_i`, repeated, where the
    functions are masked networks. A model with one coordinate has nothing to depend on: use
    :class:`AutoNormal`. See Kingma et al. (2016), *Improving Variational Inference with Inverse
    Autoregressive Flow*.

    :param model: A function that calls ``pyro.sample``.
    :param hidden_dim: The widths of the hidden layers; by default one, three times as wide as there
        are coordinates, plus one.
    :param init_loc_fn: The strategy that finds a legal value of each site; the flow starts near
        zero whatever it says.
    :param num_transforms: How many flows follow each other.
    :param init_transform_kwargs: Passed on to
        :func:`~pyro.distributions.transforms.affine_autoregressive`.

    Example::

        >>> from pyro.infer.autoguide import AutoIAFNormal
        >>> def model():
        ...     pyro.sample("x", dist.Normal(torch.zeros(10), 1.0).to_event(1))
        >>> guide = AutoIAFNormal(model, hidden_dim=[20], num_transforms=2)
        >>> guide()["x"].shape, len(guide.transform)
        (torch.Size([10]), 2)
    """

    def __init__(
        self,
        model: Model,
        hidden_dim: int | list[int] | None = None,
        init_loc_fn: Strategy | None = None,
        num_transforms: int = 1,
        **init_transform_kwargs: Any,
    ) -> None:
        hidden = [hidden_dim] if isinstance(hidden_dim, int) else hidden_dim
        flow = functools.partial(
            iterated, num_transforms, affine_autoregressive, hidden_dims=hidden
        )
        super().__init__(model, functools.partial(flow, **init_transform_kwargs))
        if init_loc_fn is not None:
            self.init_loc_fn = init_loc_fn
