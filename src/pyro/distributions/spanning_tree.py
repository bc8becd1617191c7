"""Random spanning trees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, tensor_like
from pyro.ops.spanning_tree import (
    all_trees,
    best_tree,
    edge_number,
    edge_probs,
    laplacian,
    log_tree_sum,
    sample_tree,
)

_SCALAR = torch.Size()


class SpanningTreeConstraint(tc.Constraint):
    """Lists of edges ``a < b`` that form a spanning tree."""

    is_discrete = True
    event_dim = 2

    def __init__(self, num_vertices: int) -> None:
        self.num_vertices = num_vertices

    def check(self, value: Tensor) -> Tensor:
        """Whether the graph of the edges has exactly one spanning tree."""
        n = self.num_vertices
        good = (value[..., 0] >= 0) & (value[..., 0] < value[..., 1]) & (value[..., 1] < n)
        index = torch.where(good, edge_number(value), 0).long()
        zero = torch.zeros(index.shape[:-1] + (n * (n - 1) // 2,), dtype=torch.float64)
        minor = laplacian(zero.to(index.device).scatter(-1, index, 1.0), n)[..., 1:, 1:]
        return good.all(-1) & ((torch.linalg.det(minor) - 1).abs() < 1e-3)  # type: ignore[no-any-return]

    def feasible_point(self, like: Tensor) -> Tensor:
        """A star."""
        b = torch.arange(1, self.num_vertices, dtype=like.dtype, device=like.device)
        return torch.stack([torch.zeros_like(b), b], -1)


class SpanningTree(TorchDistribution):
    r""":math:`P(T) = \frac{1}{Z} \exp \sum_{e \in T} \ell_e` over the spanning trees of a complete
    graph

    :math:`Z` is a determinant (Kirchhoff's theorem); draws are exact, by Wilson's algorithm.
    Lyons and Peres (2017), *Probability on Trees and Networks*, chapter 4.

    :param edge_logits: :math:`\ell`, real, of shape ``batch_shape + (V (V - 1) / 2,)`` for
        :math:`V` vertices; the edge between ``a < b`` has the index ``b * (b - 1) / 2 + a``.
    :param sampler_options: Accepted for programs that tune Pyro's samplers, and not needed.  The
        support are integer tensors of shape ``(V - 1, 2)``, a row per edge, smaller vertex first;
        draws are sorted by these indices.

    Example::

        >>> d = dist.SpanningTree(torch.zeros(6))
        >>> d.sample().shape, d.log_prob(torch.tensor([[0, 1], [1, 2], [2, 3]])).exp()
        (torch.Size([3, 2]), tensor(0.0625))
    """

    arg_constraints = {"edge_logits": tc.independent(tc.real, 1)}
    has_enumerate_support = True

    def __init__(
        self,
        edge_logits: Numeric,
        sampler_options: dict[str, Any] | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.edge_logits = tensor_like(edge_logits)
        if not self.edge_logits.dim():
            raise ShapeError("SpanningTree takes edge_logits of at least one dimension")
        self.num_vertices = _vertices(self.edge_logits.shape[-1])
        self.sampler_options = sampler_options
        event = torch.Size((self.num_vertices - 1, 2))
        super().__init__(self.edge_logits.shape[:-1], event, validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """One row per edge of the tree."""
        shape = torch.Size(arg_shapes["edge_logits"])
        return shape[:-1], torch.Size((_vertices(shape[-1]) - 1, 2))

    @tc.dependent_property(is_discrete=True, event_dim=2)
    def support(self) -> Any:
        """Lists of edges that form a spanning tree."""
        return SpanningTreeConstraint(self.num_vertices)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    @property
    def log_partition_function(self) -> Tensor:
        """The log of the normaliser."""
        return log_tree_sum(self.edge_logits, self.num_vertices)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        index = edge_number(self._scored(value)).long()
        shape = torch.broadcast_shapes(self._batch_shape, index.shape[:-1])
        logits = self.edge_logits.expand(shape + self.edge_logits.shape[-1:])
        chosen = logits.gather(-1, index.expand(shape + index.shape[-1:])).sum(-1)
        return chosen - self.log_partition_function

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Exact draws, one after the other."""
        return self._each(sample_tree, torch.Size(sample_shape))

    @property
    def mode(self) -> Tensor:
        """The most probable tree."""
        return self._each(best_tree, _SCALAR)

    def _each(self, find: Any, sample_shape: torch.Size) -> Tensor:
        with torch.no_grad():
            logits = self.edge_logits.expand(sample_shape + self.edge_logits.shape)
            rows = logits.reshape(-1, logits.shape[-1])
            trees = [find(row, self.num_vertices) for row in rows]
            return torch.tensor(trees, device=logits.device).reshape(self.shape(sample_shape))

    @property
    def edge_mean(self) -> Tensor:
        """The symmetric ``(V, V)`` matrix of the probabilities of edges."""
        probs = edge_probs(self.edge_logits, self.num_vertices)
        matrix = -laplacian(probs, self.num_vertices)
        return matrix - matrix.diagonal(dim1=-2, dim2=-1).diag_embed()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All ``V^(V - 2)`` trees."""
        values = torch.tensor(all_trees(self.num_vertices), device=self.edge_logits.device)
        values = values.reshape((-1,) + (1,) * len(self._batch_shape) + self._event_shape)
        return values.expand(values.shape[:1] + self.shape()) if expand else values


def _vertices(edges: int) -> int:
    """The number of vertices of a complete graph.

    :raises ShapeError: if there is none with so many edges.
    """
    vertices = (1 + math.isqrt(1 + 8 * edges)) // 2
    if edges < 1 or vertices * (vertices - 1) // 2 != edges:
        raise ShapeError(f"SpanningTree takes V * (V - 1) / 2 edge_logits, V >= 2; got {edges}")
    return vertices
