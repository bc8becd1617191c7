"""The conditional autoregressive distribution over the nodes of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.adjacency import Adjacency, adjacency
from pyro.ops.autoregression import LOG_SQRT_2PI
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_SCALAR = torch.Size()


class CAR(TorchDistribution):
    r""":math:`x \sim \mathcal N\bigl(\mu,\; [\tau (D - \rho W)]^{-1}\bigr),\quad D =
    \mathrm{diag}(W 1)`

    The proper conditional autoregressive law of areal data: given its neighbours, the value of a
    place is normal about :math:`\mu_i + \rho\, \mathrm{mean}_{j \sim i}(x_j - \mu_j)` with the
    precision :math:`\tau d_i`.  The determinant comes from eigenvalues that depend on the graph
    alone and are computed once for an adjacency matrix, so pass the same object each time; what
    remains takes as many operations as there are edges.  Draws take O(n²).

    See Besag (1974), *Spatial Interaction and the Statistical Analysis of Lattice Systems*; Jin,
    Carlin and Banerjee (2005), *Generalized Hierarchical Multivariate CAR Models for Areal Data*,
    section 2 (the determinant).

    :param loc: :math:`\mu`, a real vector ``(..., n)``; a number is the mean of each place.
    :param correlation: :math:`\rho`, below 1 and above one over the least eigenvalue of
        :math:`D^{-1/2} W D^{-1/2}`, which is -1 or less.
    :param conditional_precision: :math:`\tau`, positive.  The three broadcast to the batch shape.
    :param adj_matrix: W, symmetric, of shape ``(n, n)``, 1 between neighbours (or another positive
        weight) and 0 elsewhere: a tensor, an array, or a sparse matrix of torch or scipy.  Each
        place needs a neighbour.
    :param is_sparse: True insists on working along the edges, which is done anyway unless they are
        many.
    :raises ShapeError: if shapes do not fit together.
    :raises ValueError: if W is not an adjacency matrix, some place has no neighbour, or, under
        validation, ``correlation`` is out of its range.

    Example::

        >>> path = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
        >>> d = dist.CAR(0.0, 0.9, 2.0, path)
        >>> d.variance, d.log_prob(torch.tensor([0.5, 0.4, 0.6]))
        (tensor([1.5658, 1.3158, 1.5658]), tensor(-2.3389))
    """

    arg_constraints = {
        "loc": tc.real_vector,
        "correlation": tc.real,
        "conditional_precision": tc.positive,
    }
    support = tc.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Numeric,
        correlation: Numeric,
        conditional_precision: Numeric,
        adj_matrix: Any,
        *,
        is_sparse: bool = False,
        validate_args: bool | None = None,
    ) -> None:
        self.is_sparse = is_sparse
        self.graph: Adjacency = adjacency(adj_matrix)
        nodes = self.graph.nodes
        loc, correlation, precision = as_tensors(loc, correlation, conditional_precision)
        if loc.dim() and loc.shape[-1] not in (1, nodes):
            raise ShapeError(
                f"CAR: loc has the shape {tuple(loc.shape)}, but adj_matrix has {nodes} places; "
                f"give loc of shape (..., {nodes})"
            )
        batch = broadcast_shape(loc.shape[:-1], correlation.shape, precision.shape)
        self.loc = loc.expand((*batch, nodes))
        self.correlation = correlation.expand(batch)
        self.conditional_precision = precision.expand(batch)
        if self.graph.has_islands:
            raise ValueError(
                f"CAR: place {int(self.graph.is_island.nonzero()[0])} of adj_matrix has no "
                "neighbour; leave such places out and give them a law of their own, or use ICAR"
            )
        super().__init__(batch, torch.Size((nodes,)), validate_args)
        if self._validate_args:
            self._check_correlation()

    def _check_correlation(self) -> None:
        low, high = (end.item() for end in self.correlation.detach().aminmax())
        if high < 1 and (low > -1 or low > 1 / self.graph.eigenvalues[0].item()):
            return
        raise ValueError(
            f"CAR: parameter correlation lies between {low:g} and {high:g}, but must be below 1 "
            f"and above {1 / self.graph.eigenvalues[0].item():g}, one over the least eigenvalue of "
            "the normalized adjacency matrix; for the limit 1, which is improper, use ICAR"
        )

    @property
    def adj_matrix(self) -> Tensor:
        """W, of shape ``(n, n)``."""
        return self.graph.get("matrix", self.loc)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape; the latter is that of a row of ``adj_matrix``, or of ``loc``."""
        row = tuple(arg_shapes.pop("adj_matrix", ())[-1:])
        arg_shapes["loc"] = broadcast_shape(tuple(arg_shapes.get("loc", ())), row)
        return super().infer_shapes(**arg_shapes)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        x = self._scored(value) - self.loc
        rho, tau = self.correlation, self.conditional_precision
        rough = self.graph.roughness(x, self.is_sparse)
        level = x.square() @ self.graph.get("degrees", x)
        energy = tau * ((1 - rho) * level + rho * rough)
        return -0.5 * energy - self._log_scale() - self.graph.nodes * LOG_SQRT_2PI  # type: ignore[no-any-return]

    def _log_scale(self) -> Tensor:
        """Half the log determinant of the covariance."""
        degrees = self.graph.get("log_degrees", self.loc)
        log_det = degrees + self._remainders().log().sum(-1)
        return -0.5 * (log_det + self.graph.nodes * self.conditional_precision.log())

    def _remainders(self) -> Tensor:
        r""":math:`1 - \rho\lambda_k`."""
        return 1 - self.correlation.unsqueeze(-1) * self.graph.get("eigenvalues", self.loc)  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape + (n,)``; differentiable."""
        loc = self.loc
        noise = torch.randn(self.shape(sample_shape), dtype=loc.dtype, device=loc.device)
        vectors = self.graph.get("eigenvectors", loc)
        white = (noise * self._remainders().rsqrt()) @ vectors.mT
        return loc + white * self._marginal_precision().rsqrt()  # type: ignore[no-any-return]

    def _marginal_precision(self) -> Tensor:
        degrees = self.graph.get("degrees", self.loc)
        return self.conditional_precision.unsqueeze(-1) * degrees

    def entropy(self) -> Tensor:
        """Half the log determinant of the covariance, and a constant."""
        return self._log_scale() + self.graph.nodes * (0.5 + LOG_SQRT_2PI)

    @property
    def mean(self) -> Tensor:
        """``loc``."""
        return self.loc  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        vectors = self.graph.get("eigenvectors", self.loc)
        spread = self._remainders().reciprocal() @ vectors.square().mT
        return spread / self._marginal_precision()

    @property
    def precision_matrix(self) -> Tensor:
        r""":math:`\tau (D - \rho W)`, of shape ``batch_shape + (n, n)``."""
        rho, tau = (x[..., None, None] for x in (self.correlation, self.conditional_precision))
        return tau * (self.graph.get("degrees", self.loc).diag() - rho * self.adj_matrix)
