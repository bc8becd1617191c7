"""How a tensor was computed from some leaf tensors, read off its autograd graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch.autograd.graph import GradientEdge, get_gradient_edge

_SELECTIONS = frozenset(
    ("Alias", "Clone", "Expand", "Gather", "Index", "IndexSelect", "Permute", "Select", "Slice")
    + ("Squeeze", "T", "Transpose", "UnsafeView", "Unsqueeze", "View", "ToCopy")
)
_LINEAR = _SELECTIONS | frozenset(
    ("Add", "Cat", "Cumsum", "Diagonal", "Mean", "Neg", "Repeat", "Rsub", "Stack", "Sub", "Sum")
)
_BILINEAR = frozenset(("Addmm", "Addmv", "Baddbmm", "Bmm", "Dot", "Mm", "Mul", "Mv"))


class Selection(NamedTuple):
    """A tensor whose every element is an element of one leaf, perhaps after normalising.

    ``whole`` is the quotient ``v / v.sum(-1, keepdim=True)`` and ``part`` its ``v``; without
    normalising ``whole`` is None and ``part`` the tensor itself.
    """

    tensor: torch.Tensor
    whole: GradientEdge | None
    part: GradientEdge

    def pull_back(self, leaf: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Sum numbers that belong to elements of the tensor over the elements of the leaf."""
        shape = torch.broadcast_shapes(numbers.shape, self.tensor.shape)
        summed = numbers.expand(shape).sum_to_size(self.tensor.shape)
        if self.whole is not None:
            (summed,) = torch.autograd.grad(self.tensor, self.whole, summed, retain_graph=True)
        (total,) = torch.autograd.grad(self.part, leaf, summed, retain_graph=True)
        return total


def selected(tensor: torch.Tensor, *, normalised: bool) -> Selection | None:
    """The selection that a tensor is, up to expanding, indexing and reshaping; else None.

    :param normalised: Whether the selection may be normalised along its last dim.
    """
    edge: Any = get_gradient_edge(tensor)
    node = edge.node
    while _operation(node) in _SELECTIONS:
        node = node.next_functions[0][0]
    if normalised and _operation(node) == "Div":
        (numerator, number), (total, _) = node.next_functions
        summed, leaf = _below(total), _below(numerator)
        if _operation(summed) == "Sum" and _below(summed.next_functions[0][0]) is leaf:
            return Selection(tensor, GradientEdge(node, 0), GradientEdge(numerator, number))
        return None
    return Selection(tensor, None, edge) if _operation(node) == "AccumulateGrad" else None


class Ancestry:
    """Which of some leaves tensors depend on, and how.

    :param cuts: Nodes of the graph below which nothing is looked for.
    """

    def __init__(self, leaves: Sequence[torch.Tensor], cuts: Iterable[Any] = ()) -> None:
        self._leaves = leaves
        self._known: dict[Any, frozenset[int]] = dict.fromkeys(cuts, frozenset())

    def sources(self, tensor: torch.Tensor) -> frozenset[int]:
        """The positions of those leaves that a tensor depends on."""
        if not tensor.requires_grad:
            return frozenset()
        return self._sources(get_gradient_edge(tensor).node)

    def is_affine(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is certainly an affine function of the leaves that it depends on."""
        pending, seen = [get_gradient_edge(tensor).node] if tensor.requires_grad else [], set()
        while pending:
            node: Any = pending.pop()
            if node in seen or not self._sources(node):
                continue
            seen.add(node)
            inputs = [child for child, _ in node.next_functions]
            varying = [i for i, c in enumerate(inputs) if c is not None and self._sources(c)]
            if not _linear_in(_operation(node), varying):
                return False
            pending += [inputs[i] for i in varying]
        return True

    def _sources(self, root: Any) -> frozenset[int]:
        """The leaves below a node; the answer for every node on the way is remembered."""
        known, pending = self._known, [root]
        while pending:
            node = pending[-1]
            children = [child for child, _ in node.next_functions if child is not None]
            unknown = [child for child in children if child not in known]
            if node not in known and unknown:
                pending += unknown
                continue
            pending.pop()
            if node not in known:
                own = getattr(node, "variable", None)
                here = frozenset(i for i, leaf in enumerate(self._leaves) if leaf is own)
                known[node] = here.union(*(known[child] for child in children))
        return known[root]


def jacobian(tensor: torch.Tensor, leaves: Sequence[torch.Tensor]) -> torch.Tensor:
    """The derivative of all elements of a tensor by all elements of the leaves, as a matrix."""
    count = tensor.numel()
    eye = torch.eye(count, dtype=tensor.dtype, device=tensor.device)
    blocks = torch.autograd.grad(
        tensor,
        list(leaves),
        eye.reshape(count, *tensor.shape),
        create_graph=True,
        allow_unused=True,
        is_grads_batched=True,
    )
    filled = [
        tensor.new_zeros(count, leaf.numel()) if block is None else block.reshape(count, -1)
        for block, leaf in zip(blocks, leaves, strict=True)
    ]
    return torch.cat(filled, -1)


def _linear_in(operation: str, varying: list[int]) -> bool:
    """Whether an operation is affine in those of its inputs that vary, taken together."""
    if operation in _BILINEAR:
        first = 1 if operation in ("Addmm", "Addmv", "Baddbmm") else 0  # they have a summand first
        return sum(i >= first for i in varying) <= 1
    if operation == "Div":
        return varying == [0]
    return operation == "AccumulateGrad" or operation in _LINEAR


def _operation(node: Any) -> str:
    return type(node).__name__.partition("Backward")[0]


def _below(node: Any) -> Any:
    while _operation(node) in _SELECTIONS:
        node = node.next_functions[0][0]
    return node
