"""A normal law that goes through inverse autoregressive flows."""

from __future__ import annotations

import functools
from typing import Any

import torch

from pyro.distributions.transforms import AffineAutoregressive, ComposeTransformModule
from pyro.infer.autoguide.auto_normalizing_flow import AutoNormalizingFlow
from pyro.infer.autoguide.held_model import Model
from pyro.infer.model.initialization import Strategy
from pyro.nets.autoregressive import AutoRegressiveNN


class AutoIAFNormal(AutoNormalizingFlow):
    r"""Inverse autoregressive flows of a standard normal law.

    :math:`u_i = \mu_i(\epsilon_{<i}) + \sigma_i(\epsilon_{<i})\,\epsilon_i`, repeated, where the
    functions are masked networks; the order of the coordinates is turned round from one flow to the
    next. A model with one coordinate has nothing to depend on: use
    :class:`AutoNormal`. See Kingma et al. (2016), *Improving Variational Inference with Inverse
    Autoregressive Flow*.

    :param model: A function that calls ``pyro.sample``.
    :param hidden_dim: The widths of the hidden layers; by default one, three times as wide as there
        are coordinates, plus one.
    :param init_loc_fn: The strategy that finds a legal value of each site; the flow starts near
        zero whatever it says.
    :param num_transforms: How many flows follow each other.
    :param init_transform_kwargs: Passed on to
        :class:`~pyro.distributions.transforms.AffineAutoregressive`.

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
        flows = functools.partial(_flows, num_transforms, hidden, init_transform_kwargs)
        super().__init__(model, flows)
        if init_loc_fn is not None:
            self.init_loc_fn = init_loc_fn


def _flows(count: int, hidden: list[int] | None, options: dict[str, Any], dim: int) -> Any:
    """Flows whose orders are known, so that their parameters alone say what they do."""
    orders = [torch.arange(dim), torch.arange(dim).flip(0)]
    hidden = [3 * dim + 1] if hidden is None else hidden
    return ComposeTransformModule(
        [
            AffineAutoregressive(
                AutoRegressiveNN(dim, hidden, permutation=orders[i % 2]), **options
            )
            for i in range(count)
        ]
    )
