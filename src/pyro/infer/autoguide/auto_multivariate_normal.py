"""A normal with full covariance."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.torch_multivariate import MultivariateNormal
from pyro.distributions.transforms.lower_cholesky_affine import LowerCholeskyAffine
from pyro.infer.autoguide.auto_continuous import AutoContinuous, standard_normal
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.site_parameters import check_init_scale
from pyro.infer.model.initialization import Strategy, init_to_median
from pyro.nn.pyro_param import PyroParam


class AutoMultivariateNormal(AutoContinuous):
    r"""A normal law of all coordinates: :math:`u \sim N(l, D L L^\top D)`, :math:`D = diag(s)`.

    The parameters are ``loc`` (:math:`l`), ``scale`` (:math:`s`) and ``scale_tril`` (:math:`L`,
    whose diagonal is one); their number grows with the square of the dimension. See Kucukelbir et
    al. (2017), *Automatic Differentiation Variational Inference*, section 2.4.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial location.
    :param init_scale: The initial standard deviation of each coordinate.

    Example::

        >>> from pyro.infer import SVI, Trace_ELBO
        >>> from pyro.infer.autoguide import AutoMultivariateNormal
        >>> def model():
        ...     x = pyro.sample("x", dist.Normal(0.0, 1.0))
        ...     pyro.sample("y", dist.Normal(x, 0.5))
        >>> guide = AutoMultivariateNormal(model)
        >>> elbo = Trace_ELBO(num_particles=20, vectorize_particles=True)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.02}), elbo)
        >>> losses = [svi.step() for _ in range(400)]
        >>> exact = torch.tensor([[1.0, 1.0], [1.0, 1.25]])
        >>> torch.allclose(guide.get_posterior().covariance_matrix, exact, atol=0.25)
        True
    """

    scale_constraint = constraints.softplus_positive
    scale_tril_constraint = constraints.unit_lower_cholesky

    loc: Tensor
    scale: Tensor
    scale_tril: Tensor

    def __init__(
        self, model: Model, init_loc_fn: Strategy = init_to_median, init_scale: float = 0.1
    ) -> None:
        super().__init__(model, init_loc_fn)
        self._init_scale = check_init_scale(init_scale)

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        loc = self._init_loc()
        unit = torch.eye(self.latent_dim, dtype=loc.dtype, device=loc.device)
        self.loc = nn.Parameter(loc)
        self.scale = PyroParam(torch.full_like(loc, self._init_scale), self.scale_constraint)  # type: ignore[assignment]
        self.scale_tril = PyroParam(unit, self.scale_tril_constraint)  # type: ignore[assignment]

    def get_base_dist(self) -> Any:
        """The standard normal law."""
        return standard_normal(self.loc)

    def get_transform(self, *args: Any, **kwargs: Any) -> Any:
        """The affine map from the base law to the posterior."""
        return LowerCholeskyAffine(self.loc, self._tril())

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The normal law of the coordinates."""
        return MultivariateNormal(self.loc, scale_tril=self._tril(), validate_args=False)

    def _tril(self) -> Tensor:
        return self.scale.unsqueeze(-1) * self.scale_tril

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self.loc, self._tril().norm(dim=-1)
