"""Undirected graphs with weighted edges, and what is computed from them once."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from pyro.errors import ShapeError

_SEEN = WeakIdKeyDictionary()
_DENSE = 8  # a product with a matrix is cheaper than one with edges if these are more than n^2 / 8


class Adjacency:
    """An undirected graph without loops.

    :param nodes: The number n of nodes.
    :param source: The smaller end of each edge; long, of shape (m).
    :param target: The larger end of each edge.
    :param weights: The positive weight of each edge, in double precision.
    """

    def __init__(self, nodes: int, source: Tensor, target: Tensor, weights: Tensor) -> None:
        self.nodes = nodes
        self.source = source
        self.target = target
        self.weights = weights
        self._cast: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.nodes, self.source, self.target, self.weights)

    def __deepcopy__(self, memo: Any) -> Adjacency:
        return self  # nothing changes it

    def get(self, name: str, like: Tensor) -> Tensor:
        """A tensor of this graph, by its name, in the dtype and on the device of ``like``."""
        key = (name, like.dtype, like.device)
        if key not in self._cast:
            value = getattr(self, name)
            dtype = like.dtype if value.is_floating_point() else value.dtype
            self._cast[key] = value.to(device=like.device, dtype=dtype)
        return self._cast[key]

    @cached_property
    def matrix(self) -> Tensor:
        """The symmetric matrix of weights, W; shape (n, n)."""
        matrix = self.weights.new_zeros(self.nodes, self.nodes)
        matrix[self.source, self.target] = self.weights
        matrix[self.target, self.source] = self.weights
        return matrix

    @cached_property
    def degrees(self) -> Tensor:
        """The sum of the weights at each node; the diagonal of D."""
        ends = torch.cat([self.source, self.target])
        return self.weights.new_zeros(self.nodes).index_add(0, ends, self.weights.repeat(2))

    @cached_property
    def log_degrees(self) -> Tensor:
        """The log determinant of D."""
        return self.degrees.log().sum()

    @cached_property
    def laplacian(self) -> Tensor:
        """D - W."""
        return self.degrees.diag() - self.matrix

    @cached_property
    def components(self) -> Tensor:
        """The number of the connected component of each node, from 0 on.

        Each node takes the least label in reach, and labels follow labels: the steps are few.
        """
        source, target = self.source, self.target
        labels = torch.arange(self.nodes, device=source.device)
        while True:
            heads, tails = labels[source], labels[target]
            ends = torch.cat([heads, tails, source, target])
            least = torch.minimum(heads, tails).repeat(4)
            lower = labels.scatter_reduce(0, ends, least, "amin")
            lower = lower[lower]
            if torch.equal(lower, labels):
                return labels.unique(return_inverse=True)[1]  # type: ignore[no-any-return]
            labels = lower

    @cached_property
    def sizes(self) -> Tensor:
        """The number of nodes of each component."""
        return self.components.bincount()

    @cached_property
    def is_island(self) -> Tensor:
        """Whether a node has no neighbours."""
        return self.degrees == 0

    @cached_property
    def has_islands(self) -> bool:
        """Whether any node has no neighbours."""
        return bool(self.is_island.any())

    @cached_property
    def has_level(self) -> Tensor:
        """Whether a component has more than one node, so that D - W does not know its level."""
        return self.sizes > 1

    @cached_property
    def rank(self) -> int:
        """That of D - W with islands counted in: the nodes, less the components with a level."""
        return self.nodes - int(self.has_level.sum())

    @cached_property
    def log_level_scale(self) -> Tensor:
        """The log of the product of the lengths of the vectors that are one on a component."""
        return 0.5 * self.sizes[self.has_level].double().log().sum()

    @cached_property
    def shares(self) -> Tensor:
        """One over the number of nodes in the component of each node."""
        return self.sizes[self.components].to(self.weights).reciprocal()

    def component_means(self, x: Tensor) -> Tensor:
        """The mean over each component; shape ``(..., number of components)``."""
        sums = x.new_zeros((*x.shape[:-1], len(self.sizes)))
        sums = sums.index_add(-1, self.get("components", x), x)
        return sums / self.get("sizes", x)

    def roughness(self, x: Tensor, by_edges: bool = False) -> Tensor:
        r""":math:`\sum_{i \sim j} w_{ij} (x_i - x_j)^2 = x^\top (D - W) x`; shape ``(...)``.

        :param x: Shape ``(..., n)``.
        :param by_edges: Whether to work along the edges even if they are many.
        """
        if not by_edges and _DENSE * len(self.source) > self.nodes**2:
            return (x @ self.get("laplacian", x) * x).sum(-1)
        ends = (x.index_select(-1, self.get(name, x)) for name in ("source", "target"))
        step = torch.sub(*ends)
        return step.square() @ self.get("weights", x)

    @cached_property
    def eigenvalues(self) -> Tensor:
        r"""Those of :math:`D^{-1/2} W D^{-1/2}`, ascending, in [-1, 1]; shape (n).

        The value one belongs to each component. No node may be an island.
        """
        return self._exact_ends(torch.linalg.eigvalsh(self._normalized()))

    @cached_property
    def eigenvectors(self) -> Tensor:
        r"""Those of :math:`D^{-1/2} W D^{-1/2}`, orthonormal columns in the same order."""
        values, vectors = torch.linalg.eigh(self._normalized())
        self.eigenvalues = self._exact_ends(values)
        return vectors  # type: ignore[no-any-return]

    def _normalized(self) -> Tensor:
        scale = self.degrees.rsqrt()
        return scale.unsqueeze(-1) * self.matrix * scale

    def _exact_ends(self, values: Tensor) -> Tensor:
        values = values.clamp(max=1.0)
        values[self.nodes - len(self.sizes) :] = 1.0
        bipartite = values < -1 + 4 * self.nodes * torch.finfo(values.dtype).eps
        return values.masked_fill(bipartite, -1.0)

    @cached_property
    def laplacian_tril(self) -> Tensor:
        r"""The Cholesky factor of :math:`D - W + P`, P the projection on what the first annuls.

        P averages over each component, so that an island has the diagonal entry one.
        """
        together = self.components.unsqueeze(-1) == self.components
        return torch.linalg.cholesky(self.laplacian + together * self.shares)  # type: ignore[no-any-return]

    @cached_property
    def pseudo_variance(self) -> Tensor:
        """The diagonal of the inverse of D - W on what it does not annul, and one for islands."""
        inverse: Tensor = torch.cholesky_inverse(self.laplacian_tril)
        return inverse.diagonal() - torch.where(self.is_island, 0.0, self.shares)

    @cached_property
    def log_pseudo_determinant(self) -> Tensor:
        """The log of the product of the nonzero eigenvalues of D - W."""
        return 2 * self.laplacian_tril.diagonal().log().sum()


def adjacency(matrix: Any) -> Adjacency:
    """The graph of a symmetric matrix of weights; the same object for the same matrix.

    :param matrix: Square, symmetric, nonnegative and zero on the diagonal: a tensor, also a sparse
        one, an array, a list of lists, or a sparse matrix of scipy.
    :raises ShapeError: if it is not a square matrix.
    :raises ValueError: naming the entries that are asymmetric, negative or on the diagonal.

    Example::

        >>> from pyro.ops.adjacency import adjacency
        >>> graph = adjacency([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
        >>> graph.degrees, graph.components
        (tensor([1., 1., 0.], dtype=torch.float64), tensor([0, 0, 1]))
    """
    if isinstance(matrix, Adjacency):
        return matrix
    if isinstance(matrix, list | tuple):
        return _build(matrix)
    stamp = _stamp(matrix)
    known = _SEEN.get(matrix)
    if known is None or known[0] != stamp:
        known = (stamp, _build(matrix))
        _SEEN[matrix] = known
    return known[1]  # type: ignore[no-any-return]


def _stamp(matrix: Any) -> Any:
    """What differs after a change of the matrix in place."""
    if isinstance(matrix, Tensor):
        return matrix._version
    if hasattr(matrix, "tocoo"):
        coo = matrix.tocoo()
        return tuple(zlib.crc32(part.tobytes()) for part in (coo.row, coo.col, coo.data))
    return zlib.crc32(matrix if matrix.flags.c_contiguous else matrix.tobytes())


def _build(matrix: Any) -> Adjacency:
    rows, columns, weights, shape = _entries(matrix)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise ShapeError(f"an adjacency matrix is square, but this one has the shape {shape}")
    nodes = shape[0]
    keys, place = torch.unique(rows * nodes + columns, return_inverse=True)
    weights = torch.zeros_like(keys, dtype=torch.float64).index_add(0, place, weights.double())
    keys, weights = keys[weights != 0], weights[weights != 0]
    rows, columns = keys // nodes, keys % nodes
    _check_undirected(keys, rows, columns, weights, nodes)
    upper = rows < columns
    return Adjacency(nodes, rows[upper], columns[upper], weights[upper])


def _entries(matrix: Any) -> tuple[Tensor, Tensor, Tensor, tuple[int, ...]]:
    """Rows, columns and values of the entries that may not be zero, and the shape."""
    if hasattr(matrix, "tocoo"):
        coo = matrix.tocoo()
        rows, columns = (torch.as_tensor(part).long() for part in (coo.row, coo.col))
        return rows, columns, torch.as_tensor(coo.data), tuple(coo.shape)
    matrix = matrix.detach() if isinstance(matrix, Tensor) else torch.tensor(matrix)
    shape = tuple(matrix.shape)
    if matrix.layout is torch.strided:
        if matrix.dim() != 2:
            return *(torch.zeros(0),) * 3, shape
        rows, columns = matrix.nonzero(as_tuple=True)
        return rows, columns, matrix[rows, columns], shape
    coo = matrix.to_sparse_coo().coalesce()
    return *coo.indices(), coo.values(), shape


def _check_undirected(
    keys: Tensor, rows: Tensor, columns: Tensor, weights: Tensor, nodes: int
) -> None:
    wrong = ~((weights > 0) & (weights < torch.inf)) | (rows == columns)
    if wrong.any():
        i, j, w = (x[wrong][0].item() for x in (rows, columns, weights))
        raise ValueError(
            f"the entry ({i}, {j}) of the adjacency matrix is {w:g}; weights are nonnegative, and "
            "zero on the diagonal (no place is its own neighbour)"
        )
    if not len(keys):
        return
    mirror = torch.searchsorted(keys, columns * nodes + rows).clamp(max=len(keys) - 1)
    found = keys[mirror] == columns * nodes + rows
    other = torch.where(found, weights[mirror], 0.0)
    if not torch.equal(other, weights):
        k = int((other != weights).nonzero()[0])
        i, j = rows[k].item(), columns[k].item()
        raise ValueError(
            "an adjacency matrix is symmetric, but this one has the entry "
            f"({i}, {j}) = {weights[k]:g} and the entry ({j}, {i}) = {other[k]:g}; "
            "take the maximum of the matrix and its transpose if neighbours are mutual"
        )
