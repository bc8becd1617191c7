"""Spanning trees of complete graphs with weighted edges.

Edges are numbered ``(0,1), (0,2), (1,2), (0,3), ...``: the edge between ``a < b`` has the number
``b * (b - 1) / 2 + a``.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor


def edge_number(edges: Tensor) -> Tensor:
    """The numbers of edges; pairs of vertices stand along the last dimension, smaller first."""
    a, b = edges[..., 0], edges[..., 1]
    return b * (b - 1) // 2 + a


def laplacian(weights: Tensor, vertices: int) -> Tensor:
    """Minus the weights off the diagonal, the sums of weights on it; shape ``(V, V)``."""
    a, b = _all_edges(vertices, weights.device)
    matrix = weights.new_zeros((*weights.shape[:-1], vertices, vertices))
    matrix[..., a, b] = -weights
    matrix = matrix + matrix.mT
    return matrix - matrix.sum(-1).diag_embed()


def log_tree_sum(logits: Tensor, vertices: int) -> Tensor:
    """The log of the sum over spanning trees of the product of their edges' weights.

    Kirchhoff's matrix tree theorem; weights are scaled by the largest before they are summed.
    """
    if vertices < 2:
        return logits.sum(-1)
    top = logits.detach().amax(-1, keepdim=True)
    minor = laplacian((logits - top).exp(), vertices)[..., 1:, 1:]
    return torch.linalg.slogdet(minor).logabsdet + (vertices - 1) * top.squeeze(-1)  # type: ignore[no-any-return]


def edge_probs(logits: Tensor, vertices: int) -> Tensor:
    """The probability of each edge: its weight times the resistance between its ends."""
    weights = (logits - logits.amax(-1, keepdim=True)).exp()
    inverse = torch.linalg.inv(laplacian(weights, vertices)[..., 1:, 1:])
    inverse = torch.nn.functional.pad(inverse, (1, 0, 1, 0))
    a, b = _all_edges(vertices, logits.device)
    resistance = inverse[..., a, a] + inverse[..., b, b] - 2 * inverse[..., a, b]
    return weights * resistance


def sample_tree(logits: Tensor, vertices: int) -> list[tuple[int, int]]:
    """An exact draw, as sorted edges, by loop-erased random walks.

    Wilson (1996), *Generating Random Spanning Trees More Quickly than the Cover Time*.
    """
    a, b = _all_edges(vertices, logits.device)
    matrix = logits.new_full((vertices, vertices), -torch.inf)
    matrix[a, b] = logits
    matrix[b, a] = logits
    steps = matrix.softmax(-1)
    following = [0] * vertices
    inside = [True] + [False] * (vertices - 1)
    for start in range(1, vertices):
        at = start
        while not inside[at]:
            following[at] = int(torch.multinomial(steps[at], 1))
            at = following[at]
        at = start
        while not inside[at]:
            inside[at] = True
            at = following[at]
    edges = [(min(v, following[v]), max(v, following[v])) for v in range(1, vertices)]
    return sorted(edges, key=_by_number)


def best_tree(logits: Tensor, vertices: int) -> list[tuple[int, int]]:
    """The tree of largest weight, as sorted edges (Kruskal 1956)."""
    a, b = _all_edges(vertices, logits.device)
    part = list(range(vertices))
    tree = []
    for k in logits.argsort(descending=True).tolist():
        edge = int(a[k]), int(b[k])
        if part[edge[0]] != part[edge[1]]:
            old, new = part[edge[0]], part[edge[1]]
            part = [new if p == old else p for p in part]
            tree.append(edge)
    return sorted(tree, key=_by_number)


def all_trees(vertices: int) -> list[list[tuple[int, int]]]:
    """All spanning trees, ``V^(V - 2)`` by Cayley's formula, each as sorted edges."""
    if vertices < 2:
        return [[]]
    codes = itertools.product(range(vertices), repeat=vertices - 2)
    return [_tree_of_code(code, vertices) for code in codes]


def _tree_of_code(code: tuple[int, ...], vertices: int) -> list[tuple[int, int]]:
    """The tree of a Pruefer sequence."""
    degree = [1 + code.count(v) for v in range(vertices)]
    tree = []
    for v in code:
        leaf = degree.index(1)
        tree.append((min(leaf, v), max(leaf, v)))
        degree[leaf] -= 1
        degree[v] -= 1
    tree.append(tuple(v for v in range(vertices) if degree[v] == 1))  # type: ignore[arg-type]
    return sorted(tree, key=_by_number)


def _by_number(edge: tuple[int, int]) -> tuple[int, int]:
    """Orders edges by their numbers."""
    return edge[1], edge[0]


def _all_edges(vertices: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The smaller and the larger vertex of each edge, in the order of their numbers."""
    b, a = torch.tril_indices(vertices, vertices, -1, device=device).unbind(0)
    return a, b
