"""A normal whose covariance is diagonal plus low rank."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.low_rank_multivariate_normal import LowRankMultivariateNormal
from pyro.infer.autoguide.auto_continuous import AutoContinuous
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.site_parameters import check_init_scale
from pyro.infer.errors import InferenceError
from pyro.infer.model.initialization import Strategy, init_to_median
from pyro.nn.pyro_param import PyroParam


class AutoLowRankMultivariateNormal(AutoContinuous):
    r"""A normal with covariance :math:`D (W W^\top + I) D`, :math:`D = diag(s)`.

    The parameters are ``loc``, ``scale`` (:math:`s`) and ``cov_factor`` (:math:`W`, of shape
    ``(latent_dim, rank)``). See Ong, Nott and Smith (2018), *Gaussian Variational Approximation
    With a Factor Covariance Structure*.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial location.
    :param init_scale: About the initial standard deviation of each coordinate.
    :param rank: The number of columns of :math:`W`; by default the square root of the dimension.

    Example::

        >>> from pyro.infer.autoguide import AutoLowRankMultivariateNormal
        >>> def model():
        ...     pyro.sample("x", dist.Normal(torch.zeros(100), 1.0).to_event(1))
        >>> guide = AutoLowRankMultivariateNormal(model, rank=3)
        >>> guide.setup().cov_factor.shape
        torch.Size([100, 3])
    """

    scale_constraint = constraints.softplus_positive

    loc: Tensor
    scale: Tensor
    cov_factor: Tensor

    def __init__(
        self,
        model: Model,
        init_loc_fn: Strategy = init_to_median,
        init_scale: float = 0.1,
        rank: int | None = None,
    ) -> None:
        super().__init__(model, init_loc_fn)
        self._init_scale = check_init_scale(init_scale)
        if rank is not None and rank < 1:
            raise InferenceError(f"rank must be a positive whole number, but got {rank!r}")
        self.rank = rank

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        loc = self._init_loc()
        rank = self.rank = self.rank or max(1, round(self.latent_dim**0.5))
        factor = torch.randn(self.latent_dim, rank, dtype=loc.dtype, device=loc.device)
        scale = torch.full_like(loc, 0.5**0.5 * self._init_scale)
        self.loc = nn.Parameter(loc)
        self.scale = PyroParam(scale, self.scale_constraint)  # type: ignore[assignment]
        self.cov_factor = nn.Parameter(factor * rank**-0.5)

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The normal law of the coordinates."""
        scale = self.scale
        factor = self.cov_factor * scale.unsqueeze(-1)
        return LowRankMultivariateNormal(self.loc, factor, scale * scale, validate_args=False)

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        scale = self.scale
        return self.loc, scale * (self.cov_factor.square().sum(-1) + 1).sqrt()
