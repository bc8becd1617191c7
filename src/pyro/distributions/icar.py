"""The intrinsic conditional autoregressive distribution over the nodes of a graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.adjacency import Adjacency, adjacency
from pyro.ops.autoregression import LOG_SQRT_2PI
from pyro.ops.shapes import Numeric, tensor_like

_SCALAR = torch.Size()


class ICAR(TorchDistribution):
    r""":math:`f(x) \propto \sigma^{-r} \exp\Bigl(-\frac{1}{2\sigma^2} \sum_{i \sim j} w_{ij}
    (x_i - x_j)^2\Bigr),\quad r = n - \#\text{components}`

    The intrinsic conditional autoregressive law, the prior of effects of places that are like those
    of their neighbours, as in the model of Besag, York and Mollié.  By itself it is improper: it
    does not know the level of a connected component.  Places without neighbours get independent
    :math:`\mathcal N(0, \sigma^2)` numbers, each of which adds one to r, and no constraint.

    Three ways to treat the levels, each with all constants, so that ``sigma`` may be inferred and
    graphs may be compared:

    * softly (the default): the mean of each component is :math:`\mathcal N(0, s^2)`; a proper law,
      normalised on :math:`\mathbb R^n`;
    * exactly, with ``zero_sum_stdev=0``: each component sums to zero; a proper law, normalised with
      respect to area on the subspace of such vectors, which is its support;
    * not at all, with ``zero_sum_stdev=None``: improper on :math:`\mathbb R^n`, the density of the
      second applied to what is left after the means of the components are taken out.  There is
      nothing to draw from.

    See Besag (1974), *Spatial Interaction and the Statistical Analysis of Lattice Systems*; Morris
    et al. (2019), *Bayesian Hierarchical Spatial Models: Implementing the Besag York Mollié Model
    in Stan*; Freni-Sterrantino, Ventrucci and Rue (2018), *A Note on Intrinsic Conditional
    Autoregressive Models for Disconnected Graphs* (components and islands).

    :param W: The symmetric adjacency matrix, of shape ``(n, n)``, 1 between neighbours (or another
        positive weight) and 0 elsewhere: a tensor, an array, or a sparse matrix of torch or scipy.
        Pass the same object each time: what depends on it alone is computed once.
    :param sigma: :math:`\sigma`, positive; its shape is the batch shape.
    :param zero_sum_stdev: :math:`s`, a nonnegative number, or None.
    :raises ValueError: if W is not an adjacency matrix.

    Example::

        >>> square = torch.tensor([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
        >>> d = dist.ICAR(square, sigma=2.0, zero_sum_stdev=0)
        >>> x = d.sample()
        >>> x.sum().abs() < 1e-5, d.variance
        (tensor(True), tensor([1.2500, 1.2500, 1.2500, 1.2500]))
    """

    arg_constraints = {"sigma": tc.positive}
    has_rsample = True

    def __init__(
        self,
        W: Any,
        sigma: Numeric = 1.0,
        zero_sum_stdev: float | None = 0.001,
        validate_args: bool | None = None,
    ) -> None:
        if zero_sum_stdev is not None and not 0 <= zero_sum_stdev < torch.inf:
            raise ValueError(
                f"ICAR: zero_sum_stdev is {zero_sum_stdev}; give a nonnegative number (0 for an "
                "exact constraint), or None for no constraint"
            )
        self.graph: Adjacency = adjacency(W)
        self.sigma = tensor_like(sigma)
        self.zero_sum_stdev = zero_sum_stdev
        self.has_rsample = zero_sum_stdev is not None
        super().__init__(self.sigma.shape, torch.Size((self.graph.nodes,)), validate_args)

    @property
    def W(self) -> Tensor:  # noqa: N802
        """The adjacency matrix, of shape ``(n, n)``."""
        return self.graph.get("matrix", self.sigma)

    @tc.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> Any:
        """Real vectors, of which each component sums to zero if the constraint is exact."""
        if self.zero_sum_stdev != 0:
            return tc.real_vector
        if len(self.graph.sizes) == 1 < self.graph.nodes:
            return constraints.sum_to_zero
        groups = self.graph.components.masked_fill(self.graph.is_island, -1)
        return constraints.sum_to_zero_within(groups.to(self.sigma.device))

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """The batch shape is that of ``sigma``, the event shape that of a row of ``W``."""
        if "W" not in arg_shapes:
            raise NotImplementedError("ICAR.infer_shapes: only W tells the event shape")
        return torch.Size(arg_shapes.get("sigma", ())), torch.Size(arg_shapes["W"][-1:])

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        x, graph, stdev = self._scored(value), self.graph, self.zero_sum_stdev
        energy = graph.roughness(x)
        if graph.has_islands:
            energy = energy + torch.where(graph.get("is_island", x), x, 0).square().sum(-1)
        result = -0.5 * energy / self.sigma.square() - self._log_scale()
        result = result - self._dimension() * LOG_SQRT_2PI
        if not stdev:
            return result
        levels = torch.where(graph.get("has_level", x), graph.component_means(x) / stdev, 0)
        return result - 0.5 * levels.square().sum(-1)

    def _dimension(self) -> int:
        """That of the support."""
        return self.graph.nodes if self.zero_sum_stdev else self.graph.rank

    def _log_scale(self) -> Tensor:
        """Half the log of the product of the nonzero eigenvalues of the covariance."""
        graph, stdev = self.graph, self.zero_sum_stdev
        shape = 0.5 * graph.get("log_pseudo_determinant", self.sigma)
        result = graph.rank * self.sigma.log() - shape
        if not stdev:
            return result
        levels = graph.nodes - graph.rank
        return result + graph.get("log_level_scale", self.sigma) + levels * math.log(stdev)

    def entropy(self) -> Tensor:
        """That of the differences and, if they are free, of the levels.

        :raises NotImplementedError: if there is no constraint.
        """
        self._need_constraint("entropy")
        return self._log_scale() + self._dimension() * (0.5 + LOG_SQRT_2PI)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape + (n,)``; differentiable.

        :raises NotImplementedError: if there is no constraint.
        """
        self._need_constraint("draws")
        sigma, graph = self.sigma.unsqueeze(-1), self.graph
        noise = torch.randn(self.shape(sample_shape), dtype=sigma.dtype, device=sigma.device)
        factor = graph.get("laplacian_tril", sigma)
        free = torch.linalg.solve_triangular(
            factor, noise.reshape(-1, graph.nodes), upper=False, left=False
        ).reshape(noise.shape)
        levels = sigma * graph.component_means(free)
        wanted = self.zero_sum_stdev * torch.randn_like(levels) if self.zero_sum_stdev else 0
        moves = torch.where(graph.get("has_level", free), wanted - levels, 0)
        return sigma * free + moves.index_select(-1, graph.get("components", free))  # type: ignore[no-any-return]

    def _need_constraint(self, wish: str) -> None:
        if self.zero_sum_stdev is None:
            raise NotImplementedError(
                f"ICAR without a constraint is improper and has no {wish}; give zero_sum_stdev, "
                "or 0 for components that sum to zero exactly"
            )

    @property
    def mean(self) -> Tensor:
        """Zero."""
        self._need_constraint("mean")
        return torch.zeros(self.shape(), dtype=self.sigma.dtype, device=self.sigma.device)

    @property
    def variance(self) -> Tensor:
        r""":math:`\sigma^2 \mathrm{diag}(D - W)^+`, and :math:`s^2` where levels are free."""
        self._need_constraint("variance")
        unit = self.graph.get("pseudo_variance", self.sigma)
        levels = (~self.graph.get("is_island", unit)).to(unit) * (self.zero_sum_stdev or 0) ** 2
        return self.sigma.square().unsqueeze(-1) * unit + levels
