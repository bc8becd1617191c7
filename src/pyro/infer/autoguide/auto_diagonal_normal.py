"""Independent normals over one vector."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.normal import Normal
from pyro.distributions.transforms import AffineTransform
from pyro.infer.autoguide.auto_continuous import AutoContinuous, standard_normal
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.site_parameters import check_init_scale
from pyro.infer.model.initialization import Strategy, init_to_median
from pyro.nn.pyro_param import PyroParam


class AutoDiagonalNormal(AutoContinuous):
    r"""Independent normal coordinates, as one vector: :math:`u_i \sim N(l_i, s_i)`.

    The family of :class:`AutoNormal`, with two parameters in all, ``loc`` and ``scale``, and one
    draw: faster where a model has many sites, but without plates around the draw.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial location.
    :param init_scale: The initial standard deviation of each coordinate.

    Example::

        >>> from pyro.infer.autoguide import AutoDiagonalNormal
        >>> guide = AutoDiagonalNormal(lambda: pyro.sample("x", dist.Normal(3.0, 1.0)))
        >>> guide.setup().scale
        tensor([0.1000], grad_fn=<SoftplusBackward0>)
    """

    scale_constraint = constraints.softplus_positive

    loc: Tensor
    scale: Tensor

    def __init__(
        self, model: Model, init_loc_fn: Strategy = init_to_median, init_scale: float = 0.1
    ) -> None:
        super().__init__(model, init_loc_fn)
        self._init_scale = check_init_scale(init_scale)

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        loc = self._init_loc()
        self.loc = nn.Parameter(loc)
        self.scale = PyroParam(torch.full_like(loc, self._init_scale), self.scale_constraint)  # type: ignore[assignment]

    def get_base_dist(self) -> Any:
        """The standard normal law."""
        return standard_normal(self.loc)

    def get_transform(self, *args: Any, **kwargs: Any) -> Any:
        """The affine map from the base law to the posterior."""
        return AffineTransform(self.loc, self.scale, event_dim=1)

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The law of the coordinates."""
        return Normal(self.loc, self.scale, validate_args=False).to_event(1)

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self.loc, self.scale
