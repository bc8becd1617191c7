"""Plated contraction against the sum over all assignments, one by one."""

from __future__ import annotations

import itertools
import math
import random
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from pyro.errors import ShapeError
from pyro.ops.contract import (
    FactorSpec,
    IntractableError,
    LogSumExp,
    MaxSum,
    Variable,
    draw,
    einsum,
    execute,
    make_plan,
    maximize,
)
from pyro.ops.contract.order import elimination_order

LOG = "pyro.ops.einsum.torch_log"
MAP = "pyro.ops.einsum.torch_map"
NO_PLATES = frozenset[str]()

EQUATIONS = [
    ("->", ""),
    ("a->", ""),
    ("a,a->", ""),
    ("ab,bc,cd->", ""),
    ("a,ab,b,bc,c->,a,b,ab,c,ca", ""),
    ("ab,bc,ca->,a", ""),
    ("a,b,c->,b", ""),
    ("abc,cde,e->ad", ""),
    ("i->", "i"),
    ("i->i", "i"),
    (",i,ij->,i,ij", "ij"),
    ("ai->,i,ai", "i"),
    ("a,ai->,a,ai", "i"),
    ("a,abi,bi->,a,abi,bi", "i"),
    ("ai,abi->,bi", "i"),
    ("ab,ai,bi->,a,b,ab", "i"),
    ("a,abi,abcij->,a,bi,cij,i,ij", "ij"),
    ("ai,aj->", "ij"),
    ("ai,bj->,ai,bj", "ij"),
    ("a,abi,acj->,a,bi,cj", "ij"),
    ("aij,aij,b->,b", "ij"),
    ("a,aij,bij->", "ij"),
    ("abi,bci,cdi,d->,d,ai", "i"),
    ("a,i,ai,bi,abi->,a,bi", "i"),
]


def sizes_of(equation: str, plates: str) -> dict[str, int]:
    large = len(equation) < 20
    return {s: 2 + (large and ord(s) % 2) for s in sorted(set(equation) - set("->,"))}


def operands_of(equation: str, plates: str, seed: int = 0) -> list[Tensor]:
    torch.manual_seed(seed)
    sizes = sizes_of(equation, plates)
    inputs = equation.split("->")[0].split(",")
    return [torch.rand([sizes[s] for s in names], dtype=torch.float64) + 0.1 for names in inputs]


def by_hand(
    equation: str, plates: str, operands: list[Tensor], output: str, *, largest: bool = False
) -> Tensor:
    """Give each slice of a plate its own variables, and sum over all of their values."""
    sizes = sizes_of(equation, plates)
    inputs = equation.split("->")[0].split(",")
    homes: dict[str, set[str]] = {}
    for names in inputs:
        here = set(names) & set(plates)
        for s in set(names) - set(plates):
            homes[s] = homes.get(s, here) & here
    variables = [
        (s, index)
        for s in sorted(homes)
        for index in itertools.product(*(range(sizes[p]) for p in sorted(homes[s])))
    ]
    result = torch.zeros([sizes[s] for s in output], dtype=torch.float64)
    for values in itertools.product(*(range(sizes[s]) for s, _ in variables)):
        chosen = dict(zip(variables, values, strict=True))
        product = 1.0
        for names, tensor in zip(inputs, operands, strict=True):
            here = [s for s in names if s in plates]
            for index in itertools.product(*(range(sizes[p]) for p in here)):
                at = dict(zip(here, index, strict=True))
                product *= tensor[tuple(look_up(s, at, homes, chosen) for s in names)].item()
        outer = [s for s in output if s in plates]
        for index in itertools.product(*(range(sizes[p]) for p in outer)):
            at = dict(zip(outer, index, strict=True))
            entry = tuple(look_up(s, at, homes, chosen) for s in output)
            result[entry] = max(result[entry], product) if largest else result[entry] + product
    return result


def look_up(
    symbol: str,
    at: dict[str, int],
    homes: dict[str, set[str]],
    chosen: dict[tuple[str, tuple[int, ...]], int],
) -> int:
    if symbol not in homes:
        return at[symbol]
    return chosen[symbol, tuple(at[p] for p in sorted(homes[symbol]))]


@pytest.mark.parametrize(("equation", "plates"), EQUATIONS)
def test_einsum(equation: str, plates: str) -> None:
    operands = operands_of(equation, plates)
    results = einsum(equation, *operands, plates=plates)
    logs = einsum(equation, *[x.log() for x in operands], plates=plates, backend=LOG)
    for output, result, log in zip(equation.split("->")[1].split(","), results, logs, strict=True):
        expected = by_hand(equation, plates, operands, output)
        torch.testing.assert_close(result, expected)
        torch.testing.assert_close(log.exp().detach(), expected)


@pytest.mark.parametrize(("equation", "plates"), EQUATIONS)
def test_einsum_of_maxima(equation: str, plates: str) -> None:
    operands = operands_of(equation, plates)
    results = einsum(equation, *[x.log() for x in operands], plates=plates, backend=MAP)
    for output, result in zip(equation.split("->")[1].split(","), results, strict=True):
        expected = by_hand(equation, plates, operands, output, largest=True)
        torch.testing.assert_close(result.exp(), expected)


def test_plated_outputs_are_differentiable() -> None:
    def outputs(*logs: Tensor) -> tuple[Tensor, ...]:
        return einsum("a,abi->,a,abi", *logs, plates="i", backend=LOG)

    a, b = (x.log().requires_grad_() for x in operands_of("a,abi->,a,abi", "i"))
    assert torch.autograd.gradcheck(outputs, (a, b))


def test_einsum_refuses() -> None:
    x, y = torch.ones(2, 3), torch.ones(2, 4)
    with pytest.raises(IntractableError, match=r"joins the variables 'a'.*'b'"):
        einsum("ai,bj,abij->", x, y, torch.ones(2, 2, 3, 4), plates="ij")
    with pytest.raises(ShapeError, match="it is in the plates"):
        einsum("ai->a", x, plates="i")
    with pytest.raises(ShapeError, match="size 3 in one operand and 4"):
        einsum("ai,ai->", x, y, plates="i")
    with pytest.raises(ShapeError, match="do not name the dims"):
        einsum("a->", x)
    with pytest.raises(ShapeError, match="symbols of 1 operands"):
        einsum("a,b->", x)
    with pytest.raises(ShapeError, match="cannot have 'c'"):
        einsum("ai->c", x)
    with pytest.raises(ValueError, match="backend must be one of"):
        einsum("ai->", x, backend="numpy")


class Graph(NamedTuple):
    """A random chain, tree or loop of variables in nested plates."""

    specs: tuple[FactorSpec, ...]
    variables: tuple[Variable, ...]
    sizes: tuple[tuple[str, int], ...]
    tensors: list[Tensor]


def random_graph(seed: int) -> Graph:
    """Variables in none, one or two nested plates; each factor joins a variable with earlier ones.

    Some dims of plates have size 1 (the factor does not vary there), some factors forbid values.
    """
    rng = random.Random(seed)
    torch.manual_seed(seed)
    sizes = {"p": 2, "q": 2}
    nests = [NO_PLATES, frozenset({"p"}), frozenset({"p", "q"})]
    variables: list[Variable] = []
    specs: list[FactorSpec] = []
    tensors: list[Tensor] = []
    for k in range(rng.randint(1, 4)):
        home = nests[rng.choice([0, 0, 1, 2]) if k < 3 else rng.choice([0, 1])]
        name = f"v{k}"
        sizes[name] = rng.choice([2, 3])
        parents = [v.name for v in variables if v.plates <= home and rng.random() < 0.7]
        variables.append(Variable(name, home))
        for scope in ([name, *parents], [name])[: rng.randint(1, 2)]:
            layout: list[str | None] = [*sorted(home), *scope]
            rng.shuffle(layout)
            layout = [n if n in scope or rng.random() < 0.7 else None for n in layout]
            shape = tuple(1 if n is None else sizes[n] for n in layout)
            tensor = torch.randn(shape, dtype=torch.float64)
            if rng.random() < 0.3:
                tensor = torch.where(torch.rand(shape) < 0.15, -math.inf, tensor)
            specs.append(FactorSpec(tuple(layout), shape, home))
            tensors.append(tensor)
    return Graph(tuple(specs), tuple(variables), tuple((p, 2) for p in ("p", "q")), tensors)


def all_scores(graph: Graph) -> dict[tuple[int, ...], float]:
    """The log of the product for each assignment of all variables at all indices."""
    sizes = dict(graph.sizes)
    for spec in graph.specs:
        sizes.update((n, s) for n, s in zip(spec.names, spec.shape, strict=True) if n is not None)
    slots = instances(graph)
    scores = {}
    for values in itertools.product(*(range(sizes[v]) for v, _ in slots)):
        chosen = dict(zip(slots, values, strict=True))
        total = 0.0
        for spec, tensor in zip(graph.specs, graph.tensors, strict=True):
            homes = {v.name: sorted(v.plates) for v in graph.variables}
            plates = sorted(spec.plates)
            for index in itertools.product(range(2), repeat=len(plates)):
                at = dict(zip(plates, index, strict=True))
                entry = tuple(
                    0
                    if n is None
                    else at[n]
                    if n in at
                    else chosen[n, tuple(at[p] for p in homes[n])]
                    for n in spec.names
                )
                total += tensor[entry].item()
        scores[values] = total
    return scores


def instances(graph: Graph) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (v.name, index)
        for v in graph.variables
        for index in itertools.product(range(2), repeat=len(v.plates))
    ]


def log_total(graph: Graph, ring: LogSumExp) -> float:
    plan = make_plan(graph.specs, graph.variables, graph.sizes)
    total = 0.0
    for slot, tensor in zip(plan.results, execute(plan, graph.tensors, ring), strict=True):
        spec = plan.specs[slot]
        copies = math.prod(2 for plate in spec.plates if plate not in spec.names)
        total += copies * tensor.sum().item()
    return total


SEEDS = [s for s in range(120) if len(instances(random_graph(s))) <= 10]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_graphs(seed: int) -> None:
    graph = random_graph(seed)
    scores = torch.tensor(list(all_scores(graph).values()), dtype=torch.float64)
    assert log_total(graph, LogSumExp()) == pytest.approx(scores.logsumexp(0).item())
    assert log_total(graph, MaxSum()) == pytest.approx(scores.max().item())


@pytest.mark.parametrize("seed", SEEDS)
def test_assignments_of_random_graphs(seed: int) -> None:
    """The maximiser is one; draws are never of probability zero."""
    graph = random_graph(seed)
    scores = all_scores(graph)
    if max(scores.values()) == -math.inf:
        pytest.skip("no assignment is possible")
    plan = make_plan(graph.specs, graph.variables, graph.sizes)
    for found, lowest in ((maximize, max(scores.values())), (draw, -1e30)):
        assigned = found(plan, graph.tensors)
        values = []
        for name, index in instances(graph):
            value, names = assigned[name]
            home = sorted(next(v.plates for v in graph.variables if v.name == name))
            at = dict(zip(home, index, strict=True))
            values.append(int(value[tuple(at[n] for n in names)]))
        assert scores[tuple(values)] >= lowest - 1e-9


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 50])
@pytest.mark.parametrize("states", [2, 70])
def test_chains(length: int, states: int) -> None:
    """Both orders, in rounds and one by one, give the forward recursion's result."""
    torch.manual_seed(length)
    start = torch.randn(states, dtype=torch.float64, requires_grad=True)
    moves = torch.randn(length, states, states, dtype=torch.float64, requires_grad=True)
    forward = start
    for move in moves:
        forward = (forward[:, None] + move).logsumexp(0)
    expected = torch.autograd.grad(forward.logsumexp(0), [start, moves])
    specs = [FactorSpec((0,), (states,), frozenset())]
    specs += [FactorSpec((t, t + 1), (states, states), frozenset()) for t in range(length)]
    variables = tuple(Variable(t, frozenset()) for t in range(length + 1))
    plan = make_plan(tuple(specs), variables, ())
    assert (len(plan.steps) < length + 1) == (states == 2 and length > 3)
    (result,) = execute(plan, [start, *moves], LogSumExp())
    torch.testing.assert_close(result, forward.logsumexp(0))
    torch.testing.assert_close(torch.autograd.grad(result, [start, moves]), expected)


def test_the_posterior_is_sampled() -> None:
    """A chain of three variables: 20 000 draws, chi-square; a false alarm in 1e-6 of the seeds."""
    torch.manual_seed(0)
    names = ((0,), (0, 1), (1, 2))
    tensors = [torch.randn([2] * len(n)) for n in names]
    variables = tuple(Variable(k, frozenset({"n"})) for k in range(3))
    specs = tuple(FactorSpec(n, (2,) * len(n), frozenset({"n"})) for n in names)
    plan = make_plan(specs, variables, (("n", 20_000),))
    drawn = draw(plan, tensors)
    x = torch.stack([drawn[k].value for k in range(3)])
    counts = torch.bincount(x[0] * 4 + x[1] * 2 + x[2], minlength=8)
    joint = tensors[0][:, None, None] + tensors[1][:, :, None] + tensors[2]
    means = 20_000 * joint.flatten().softmax(0)
    assert ((counts - means) ** 2 / means).sum() < 40.5  # chi-square, 7 degrees of freedom


@pytest.mark.parametrize("seed", range(10))
def test_orders_cost_little_more_than_the_best(seed: int) -> None:
    """Within a factor of two of the best order of all, on random graphs of six variables."""
    rng = random.Random(seed)
    names = [f"v{k}" for k in range(6)]
    sizes = {n: rng.choice([20, 30, 40]) for n in names}
    pairs = rng.sample(list(itertools.combinations(names, 2)), 8)
    scopes = dict(enumerate(pairs))

    def cost(order: list[str]) -> int:
        factors = [set(pair) for pair in pairs]
        total = 0
        for name in order:
            mine = [f for f in factors if name in f]
            union = set().union({name}, *mine)
            total += math.prod(sizes[n] for n in union)
            factors = [f for f in factors if name not in f] + [union - {name}]
        return total

    used = {n for pair in pairs for n in pair}
    best = min(cost(list(order)) for order in itertools.permutations(sorted(used)))
    rounds = elimination_order(scopes, used, sizes)
    ours = cost([str(n) for names in rounds for n in names])
    assert ours <= 2 * best


def test_plans_are_remembered() -> None:
    graph = random_graph(1)
    arguments = graph.specs, graph.variables, graph.sizes
    assert make_plan(*arguments) is make_plan(*arguments)
