"""A normal whose precision is as sparse as the model allows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.torch_multivariate import MultivariateNormal
from pyro.infer.autoguide.auto_continuous import AutoContinuous
from pyro.infer.autoguide.cliques import Clique, find_cliques
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.paths import attribute_paths
from pyro.infer.autoguide.site_parameters import check_init_scale
from pyro.infer.errors import InferenceError
from pyro.infer.inspect.dependencies import get_dependencies
from pyro.infer.model.initialization import Strategy, init_to_feasible
from pyro.nn.nested import get_nested, set_nested
from pyro.nn.pyro_module import PyroModule
from pyro.nn.pyro_param import PyroParam
from pyro.ops.cholesky import precision_to_scale_tril


class AutoGaussian(AutoContinuous):
    r"""A normal law of all coordinates with the conditional independences of the posterior.

    .. math:: u \sim N\big(l,\; D P^{-1} D\big), \quad P = \sum_e S_e^\top F_e F_e^\top S_e

    There is a factor :math:`F_e` for each site of the model and each index of its plates, over the
    coordinates :math:`S_e u` of the site and of those it was computed from. So :math:`P_{ij}` can
    differ from zero only where i and j are joined in the moral graph
    (:func:`~pyro.infer.inspect.get_dependencies`), and every precision that a linear normal model
    can have is reached. The number of parameters grows with the size of plates, not with its
    square as for :class:`AutoMultivariateNormal`; a draw takes a dense Cholesky factorisation.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial location.
    :param init_scale: About the initial standard deviation of each coordinate.
    :param backend: "dense" or "funsor"; both mean the same computation.

    Example::

        >>> from pyro.infer.autoguide import AutoGaussian
        >>> def model(y):
        ...     mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", 3):
        ...         z = pyro.sample("z", dist.Normal(mu, 1.0))
        ...         pyro.sample("y", dist.Normal(z, 1.0), obs=y)
        >>> guide = AutoGaussian(model).setup(torch.zeros(3))
        >>> guide.sparsity().int()  # each z[i] goes with mu, and not with z[j]
        tensor([[1, 1, 1, 1],
                [1, 1, 0, 0],
                [1, 0, 1, 0],
                [1, 0, 0, 1]], dtype=torch.int32)
    """

    scale_constraint = constraints.softplus_positive

    loc: Tensor
    scale: Tensor

    def __init__(
        self,
        model: Model,
        *,
        init_loc_fn: Strategy = init_to_feasible,
        init_scale: float = 0.1,
        backend: str | None = None,
    ) -> None:
        super().__init__(model, init_loc_fn)
        if backend not in (None, "dense", "funsor"):
            raise InferenceError(f"backend must be 'dense' or 'funsor', but got {backend!r}")
        self._init_scale = check_init_scale(init_scale)
        self._cliques: dict[str, Clique] = {}
        self.factors = PyroModule()

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        loc = self._init_loc()
        graph = get_dependencies(self.model, args, kwargs)["prior_dependencies"]
        cliques = find_cliques(self.model, graph, self._plan, self._shapes, args, kwargs)
        paths = attribute_paths(cliques)
        self._cliques = {paths[name]: clique for name, clique in cliques.items()}
        self.loc = nn.Parameter(loc)
        self.scale = PyroParam(torch.full_like(loc, self._init_scale), self.scale_constraint)  # type: ignore[assignment]
        for path, clique in self._cliques.items():
            set_nested(self.factors, path, PyroParam(clique.initial(loc)))

    def precision(self) -> Tensor:
        """The precision :math:`P` of the standardised coordinates, a dense matrix."""
        size = self.latent_dim
        total = self.loc.new_zeros(size * size)
        for path, clique in self._cliques.items():
            block = clique.block(get_nested(self.factors, path))
            rows = clique.index.to(total.device)
            index = rows.unsqueeze(-1) * size + rows.unsqueeze(-2)
            total = total.index_add(0, index.reshape(-1), block.reshape(-1))
        return total.reshape(size, size)

    def sparsity(self) -> Tensor:
        """Which entries of the precision may differ from zero, as bools."""
        size = self.latent_dim
        result = torch.zeros(size, size, dtype=torch.bool)
        for clique in self._cliques.values():
            result[clique.index.unsqueeze(-1), clique.index.unsqueeze(-2)] = True
        return result

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The normal law of the coordinates."""
        return MultivariateNormal(self.loc, scale_tril=self._tril(), validate_args=False)

    def _tril(self) -> Tensor:
        return self.scale.unsqueeze(-1) * precision_to_scale_tril(self.precision())

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self.loc, self._tril().norm(dim=-1)
