"""Einsum over plates: variables are summed, plates multiplied."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.errors import ShapeError
from pyro.ops.contract.execute import execute
from pyro.ops.contract.plan import FactorSpec, Name, Plates, Variable, make_plan
from pyro.ops.contract.semiring import LogSumExp, MaxSum, Semiring, SumProduct

_RINGS: dict[str, Semiring] = {
    "torch": SumProduct(),
    "pyro.ops.einsum.torch_log": LogSumExp(),
    "pyro.ops.einsum.torch_map": MaxSum(),
}


def einsum(
    equation: str,
    *operands: Tensor,
    plates: str = "",
    backend: str = "torch",
    modulo_total: bool = False,
    cache: object = None,
) -> tuple[Tensor, ...]:
    r"""The plated sum-product: sums over symbols, products over plates.

    A symbol that always appears with a plate stands for a variable of its own at each index of the
    plate. So with ``plates="i"`` and ``len(x) == len(y) == 3`` these are equal::

        einsum("ab,ai,bi->b", w, x, y, plates="i")         # x and y have the plate last
        einsum("ab,a,a,a,b,b,b->b", w, *x.T, *y.T)
        einsum("ai,ai->", x, y, plates="i")
        einsum("a,b,c,a,b,c->", *x.T, *y.T)

    An output with a plate is the whole product, as a function of the variables of one index of the
    plate; the variables at other indices are summed out. Each plated symbol of an output needs its
    plates there.

    The cost is polynomial in the sizes of all tensors. Obermeyer et al. (2019), *Tensor
    Variable Elimination for Plated Factor Graphs*.

    :param equation: Symbols of the operands, ``->``, and those of one or more outputs. A plate of
        an operand must be a dim of it.
    :param operands: Tensors; those of one symbol have the same size there.
    :param plates: The symbols that are plates.
    :param backend: ``"torch"`` for sums of numbers; ``"pyro.ops.einsum.torch_log"`` for sums of
        numbers given by their logarithms; ``"pyro.ops.einsum.torch_map"`` for maxima of logarithms.
    :param modulo_total: Accepted: a caller that needs results up to a factor gets exact ones.
    :param cache: Accepted; plans are remembered for all callers.
    :return: A tensor for each output.
    :raises ShapeError: if sizes disagree, or an output lacks a plate.
    :raises IntractableError: a NotImplementedError, if the cost would be exponential in the size
        of a plate.

    Example::

        >>> from pyro.ops.contract import einsum
        >>> x = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
        >>> einsum("ai->", x, plates="i")  # (1 + 1) (2 + 1) (3 + 1)
        (tensor(24.),)
    """
    if backend not in _RINGS:
        raise ValueError(f"backend must be one of {sorted(_RINGS)}, but got {backend!r}")
    inputs, outputs = _parse(equation, len(operands))
    return contract_tensors(inputs, outputs, operands, plates, _RINGS[backend])


def contract_tensors(
    inputs: Sequence[Sequence[Name]],
    outputs: Sequence[Sequence[Name]],
    operands: Sequence[Tensor],
    plates: Sequence[Name],
    ring: Semiring,
) -> tuple[Tensor, ...]:
    """:func:`einsum` with names in place of symbols, over any semiring."""
    problem = _Problem(inputs, operands, plates, ring)
    return tuple(problem.output(tuple(names)) for names in outputs)


def _parse(equation: str, count: int) -> tuple[list[str], list[str]]:
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if not arrow or len(inputs) != count:
        raise ShapeError(
            f"einsum: {equation!r} must have the symbols of {count} operands, '->', and outputs"
        )
    return inputs, right.split(",")


class _Problem:
    """Operands with names, of which outputs are asked."""

    def __init__(
        self,
        inputs: Sequence[Sequence[Name]],
        operands: Sequence[Tensor],
        plates: Sequence[Name],
        ring: Semiring,
    ) -> None:
        self.inputs = [tuple(names) for names in inputs]
        self.operands = list(operands)
        self.plates = frozenset(plates)
        self.ring = ring
        self.sizes: dict[Name, int] = {}
        self.homes: dict[Name, Plates] = {}
        for names, tensor in zip(self.inputs, operands, strict=True):
            self._note(names, tensor)

    def _note(self, names: tuple[Name, ...], tensor: Tensor) -> None:
        if len(names) != tensor.dim() or len(set(names)) < len(names):
            raise ShapeError(
                f"einsum: the symbols {names} do not name the dims of a tensor of shape "
                f"{tuple(tensor.shape)}"
            )
        here = self.plates.intersection(names)
        for name, size in zip(names, tensor.shape, strict=True):
            if self.sizes.setdefault(name, size) != size:
                raise ShapeError(
                    f"einsum: {name!r} has size {self.sizes[name]} in one operand and {size} in "
                    "another"
                )
            if name not in self.plates:
                self.homes[name] = self.homes.get(name, here) & here

    def output(self, names: tuple[Name, ...]) -> Tensor:
        """The contraction to one set of names."""
        for name in names:
            missing = self.homes.get(name, frozenset[Name]()).difference(names)
            if name not in self.sizes or missing:
                needs = f"; it is in the plates {sorted(map(str, missing))}" if missing else ""
                raise ShapeError(f"einsum: an output {names} cannot have {name!r}{needs}")
        if self.plates.isdisjoint(names):
            return self._contract(self.inputs, self.operands, names)
        if isinstance(self.ring, MaxSum):
            return self._by_indicators(names)
        return self._by_gradient(names)

    def _contract(
        self,
        inputs: Sequence[tuple[Name, ...]],
        operands: Sequence[Tensor],
        free: tuple[Name, ...],
    ) -> Tensor:
        """Sum all but the free variables; they are in no plate."""
        specs = tuple(
            FactorSpec(names, tuple(tensor.shape), self.plates.intersection(names))
            for names, tensor in zip(inputs, operands, strict=True)
        )
        variables = tuple(Variable(n, home) for n, home in self.homes.items() if n not in free)
        sizes = tuple((name, self.sizes[name]) for name in self.plates & self.sizes.keys())
        plan = make_plan(specs, variables, sizes)
        total: Tensor | None = None
        for slot, tensor in zip(plan.results, execute(plan, operands, self.ring), strict=True):
            names = [n for n in plan.specs[slot].names if n is not None]
            gone = [n for n in names if n in self.plates]
            kept = [n for n in free if n in names]
            tensor = tensor.permute([names.index(n) for n in (*kept, *gone)])
            tensor = self.ring.product(tensor, len(gone), 1)
            tensor = tensor.reshape([self.sizes[n] if n in kept else 1 for n in free])
            total = tensor if total is None else self.ring.multiply(total, tensor)
        if total is None:
            raise ShapeError("einsum: there is no operand")
        return total.expand([self.sizes[n] for n in free])

    def _by_gradient(self, names: tuple[Name, ...]) -> Tensor:
        """The product is linear in each entry of a factor of ones: its gradient is the output."""
        logs = isinstance(self.ring, LogSumExp)
        shape = [self.sizes[n] for n in names]
        fill = 0.0 if logs else 1.0
        with torch.enable_grad():
            unit = torch.full_like(self.operands[0].new_empty(()).expand(shape), fill)
            unit = unit.requires_grad_()
            whole = self._contract([*self.inputs, names], [*self.operands, unit], ())
            differentiable = any(operand.requires_grad for operand in self.operands)
            (share,) = torch.autograd.grad(whole, unit, create_graph=differentiable)
        return whole + share.log() if logs else share

    def _by_indicators(self, names: tuple[Name, ...]) -> Tensor:
        """One contraction for all entries, each with a factor that allows this entry only."""
        shape = [self.sizes[n] for n in names]
        variables = [i for i, n in enumerate(names) if n not in self.plates]
        entries = torch.cartesian_prod(*map(torch.arange, shape)).reshape(-1, len(names))
        grid = torch.ones(len(entries), *shape, dtype=torch.bool)
        here = torch.ones_like(grid)
        for i, size in enumerate(shape):
            axis = torch.arange(size).reshape([-1] + [1] * (len(names) - 1 - i))
            same = axis == entries[:, i].reshape([-1] + [1] * len(names))
            if i in variables:
                grid = grid & same
            else:
                here = here & same
        unit = torch.zeros_like(grid, dtype=self.operands[0].dtype)
        unit = unit.masked_fill(here & ~grid, -torch.inf).to(self.operands[0].device)
        entry = object()
        self.sizes[entry] = len(entries)
        inputs = [*self.inputs, (entry, *names)]
        return self._contract(inputs, [*self.operands, unit], (entry,)).reshape(shape)
